//! The client identity that calls receive, over real TLS connections.

use std::{fs, net::SocketAddr, os::unix::fs::PermissionsExt, path::PathBuf};

use axum::{Router, extract::Request, routing::get};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{PrivateKeyDer, ServerName, pem::PemObject},
    },
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::*;
use crate::{
    domain::CertificateIdentity,
    server::{
        accept::accept_connections,
        connection::{Connections, ShutdownSignals},
        connection_limit::ConnectionLimit,
    },
    transport::Proxies,
};

const HOST: &str = "vestibule.test";

/// An authority, and a port that trusts it and answers `GET /` with the identity of the client.
struct TlsFixture {
    issuer: Issuer<'static, KeyPair>,
    authority: CertificateDer<'static>,
    address: SocketAddr,
    _folder: TempDir,
}

impl TlsFixture {
    async fn new(trust_domain: Option<&str>) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let authority = params.self_signed(&key).unwrap();
        let issuer = Issuer::new(params, key);

        let folder = TempDir::new().unwrap();
        let (certificate, key) = issue(&issuer, vec![dns(HOST)]);
        let [certificate, key, client_ca] = [
            ("tls.crt", certificate.pem()),
            ("tls.key", key.serialize_pem()),
            ("ca.crt", authority.pem()),
        ]
        .map(|(name, text)| write_file(&folder, name, &text));
        let files = TlsFiles {
            certificate,
            key,
            client_ca: Some(client_ca),
        };
        let settings = TlsSettings {
            credentials: files.load().unwrap(),
            files,
            trust_domain: trust_domain.map(|name| TrustDomain::parse(name).unwrap()),
        };
        Self {
            issuer,
            authority: authority.der().clone(),
            address: open(settings).await,
            _folder: folder,
        }
    }

    /// The identity that a call receives when the client's certificate has these names; `None`: no
    /// certificate.
    async fn identity_of(&self, shown: Option<Vec<SanType>>) -> String {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let config = match shown {
            Some(names) => {
                let (certificate, key) = issue(&self.issuer, names);
                let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
                let chain = vec![certificate.der().clone()];
                config.with_client_auth_cert(chain, key).unwrap()
            }
            None => config.with_no_client_auth(),
        };
        let stream = TcpStream::connect(self.address).await.unwrap();
        let host = ServerName::try_from(HOST).unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        let mut stream = connector.connect(host, stream).await.unwrap();
        let request = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.rsplit("\r\n").next().unwrap().to_owned()
    }
}

async fn open(settings: TlsSettings) -> SocketAddr {
    let answer = async |request: Request| match request.extensions().get::<PeerCertificate>() {
        Some(PeerCertificate::Of(identity)) => match identity.as_ref() {
            CertificateIdentity::Spiffe(id) => format!("SPIFFE {id}"),
            CertificateIdentity::Dns(name) => format!("DNS {name}"),
        },
        Some(PeerCertificate::Unusable) => "nobody".to_owned(),
        None => "no certificate".to_owned(),
    };
    let router = Router::new().route("/", get(answer));
    let signals = ShutdownSignals {
        closing: CancellationToken::new(),
        abort: CancellationToken::new(),
    };
    let tls = ServerTls::new(settings, Clock::system(), Duration::ZERO, None);
    let connections = Connections::new(Http::One, router, signals, TaskTracker::new());
    let connections = connections.with_tls(Some(tls.acceptor(Http::One)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(accept_connections(
        "test",
        listener,
        ConnectionLimit::new(10, Proxies::default()),
        connections,
    ));
    address
}

fn issue(issuer: &Issuer<'static, KeyPair>, names: Vec<SanType>) -> (rcgen::Certificate, KeyPair) {
    let mut params = CertificateParams::default();
    params.subject_alt_names = names;
    let key = KeyPair::generate().unwrap();
    (params.signed_by(&key, issuer).unwrap(), key)
}

fn write_file(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

#[tokio::test]
async fn a_call_receives_the_identity_in_its_client_certificate() {
    let id = "spiffe://example.org/billing";
    let fixture = TlsFixture::new(Some("example.org")).await;
    for (shown, expected) in [
        (None, "no certificate"),
        (Some(vec![uri(id)]), "SPIFFE spiffe://example.org/billing"),
        (
            Some(vec![dns("Billing.example.org")]),
            "DNS billing.example.org",
        ),
        (Some(vec![uri("spiffe://other.org/billing")]), "nobody"),
        (
            Some(vec![uri(id), uri("spiffe://example.org/admin")]),
            "nobody",
        ),
        (Some(Vec::new()), "nobody"),
    ] {
        assert_eq!(fixture.identity_of(shown).await, expected);
    }
}

#[tokio::test]
async fn without_a_trust_domain_no_spiffe_id_is_accepted() {
    let fixture = TlsFixture::new(None).await;
    let id = uri("spiffe://example.org/billing");
    assert_eq!(fixture.identity_of(Some(vec![id])).await, "nobody");
    let name = dns("billing.example.org");
    assert_eq!(
        fixture.identity_of(Some(vec![name])).await,
        "DNS billing.example.org"
    );
}
