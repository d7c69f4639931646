//! Certificates made for a test, the files that they stand in, and clients that speak TLS.

use std::{
    fs, io,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore, SupportedProtocolVersion,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
        version::{TLS12, TLS13},
    },
};
use tonic::transport::{Channel, Endpoint};
use vestibule::{
    domain::TrustDomain,
    server::tls::{TlsFiles, TlsSettings},
};

/// What every certificate of a server is for.
const HOST: &str = "vestibule.test";

/// An authority.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its key, as PEM.
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// A certificate of a server.
    pub(crate) fn server(&self) -> Pair {
        self.issue(|params| {
            params.subject_alt_names = vec![SanType::DnsName(HOST.try_into().unwrap())];
        })
    }

    /// A certificate with a URI.
    pub(crate) fn client(&self, uri: &str) -> Pair {
        self.issue(|params| {
            params.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
        })
    }

    pub(crate) fn issue(&self, change: impl FnOnce(&mut CertificateParams)) -> Pair {
        let mut params = CertificateParams::default();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        Pair {
            certificate: params.signed_by(&key, &self.issuer).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }

    /// A client that believes it.
    pub(crate) fn trusting(&self) -> TlsClient {
        TlsClient {
            roots: roots(&self.pem),
            pair: None,
            versions: vec![&TLS13, &TLS12],
            protocols: Vec::new(),
        }
    }
}

/// The files of a server.
pub(crate) struct TlsFolder(TempDir);

impl TlsFolder {
    /// A pair, and the authority of clients.
    pub(crate) fn new(pair: &Pair, clients: &Authority) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("ca.crt", &clients.pem);
        folder.install(pair);
        folder
    }

    /// Replaces the pair.
    pub(crate) fn install(&self, pair: &Pair) {
        self.write("tls.key", &pair.key);
        self.write("tls.crt", &pair.certificate);
    }

    /// Replaces the authority of clients.
    pub(crate) fn install_authority(&self, clients: &Authority) {
        self.write("ca.crt", &clients.pem);
    }

    /// Replaces a file whole, as an operator should.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let new = self.path("new");
        fs::write(&new, text).unwrap();
        fs::set_permissions(&new, fs::Permissions::from_mode(0o600)).unwrap();
        fs::rename(new, self.path(name)).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The settings of a server that asks clients for certificates.
    pub(crate) fn settings(&self) -> TlsSettings {
        settings(self.0.path())
    }

    /// The same as variables.
    pub(crate) fn variables(&self) -> [(&'static str, String); 3] {
        [
            ("VESTIBULE_TLS_CERTIFICATE", "tls.crt"),
            ("VESTIBULE_TLS_KEY", "tls.key"),
            ("VESTIBULE_TLS_CLIENT_CA", "ca.crt"),
        ]
        .map(|(variable, name)| (variable, self.path(name).display().to_string()))
    }
}

/// The settings over a folder of files.
pub(crate) fn settings(folder: &Path) -> TlsSettings {
    let files = TlsFiles {
        certificate: folder.join("tls.crt"),
        key: folder.join("tls.key"),
        client_ca: Some(folder.join("ca.crt")),
    };
    TlsSettings {
        credentials: files.load().unwrap(),
        files,
        trust_domain: Some(TrustDomain::parse("example.org").unwrap()),
    }
}

/// A client of TLS.
#[derive(Clone)]
pub(crate) struct TlsClient {
    roots: RootCertStore,
    pair: Option<(Vec<CertificateDer<'static>>, Arc<PrivateKeyDer<'static>>)>,
    versions: Vec<&'static SupportedProtocolVersion>,
    protocols: Vec<Vec<u8>>,
}

impl TlsClient {
    /// Shows a certificate.
    pub(crate) fn showing(self, pair: &Pair) -> Self {
        let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
        let pair = Some((certificates(&pair.certificate), Arc::new(key)));
        Self { pair, ..self }
    }

    /// Speaks one version only.
    pub(crate) fn speaking(self, version: &'static SupportedProtocolVersion) -> Self {
        let versions = vec![version];
        Self { versions, ..self }
    }

    /// Offers protocols.
    pub(crate) fn offering(self, protocols: &[&str]) -> Self {
        let protocols = protocols
            .iter()
            .map(|protocol| protocol.as_bytes().to_vec())
            .collect();
        Self { protocols, ..self }
    }

    /// Shakes hands.
    pub(crate) async fn connect(&self, address: SocketAddr) -> io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(address).await?;
        let connector = TlsConnector::from(Arc::new(self.config()));
        connector.connect(Self::host(), stream).await
    }

    /// gRPC over TLS; it connects with the first call.
    pub(crate) fn channel(&self, address: SocketAddr) -> Channel {
        let client = self.clone().offering(&["h2"]);
        let connector = tower::service_fn(move |_| {
            let client = client.clone();
            async move { client.connect(address).await.map(TokioIo::new) }
        });
        Endpoint::from_shared(format!("http://{HOST}"))
            .unwrap()
            .connect_with_connector_lazy(connector)
    }

    pub(crate) fn config(&self) -> ClientConfig {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&self.versions)
            .unwrap()
            .with_root_certificates(self.roots.clone());
        let mut config = match &self.pair {
            Some((chain, key)) => config
                .with_client_auth_cert(chain.clone(), key.clone_key())
                .unwrap(),
            None => config.with_no_client_auth(),
        };
        config.alpn_protocols.clone_from(&self.protocols);
        config
    }

    pub(crate) fn host() -> ServerName<'static> {
        ServerName::try_from(HOST).unwrap()
    }
}

fn certificates(pem: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem.as_bytes())
        .map(Result::unwrap)
        .collect()
}

fn roots(pem: &str) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    for authority in certificates(pem) {
        roots.add(authority).unwrap();
    }
    roots
}
