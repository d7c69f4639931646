//! What the files held, ready for handshakes.

use std::{fmt, sync::Arc};

use tokio_rustls::rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::CertificateDer,
    server::{NoServerSessionStorage, WebPkiClientVerifier, danger::ClientCertVerifier},
    sign::{CertifiedKey, SingleCertAndKey},
    version::{TLS12, TLS13},
};

use super::certificate;
use crate::{domain::Timestamp, server::http::Http};

/// The certificates of client authorities, and the verifier that trusts them.
pub(super) type ClientAuthorities = (Vec<CertificateDer<'static>>, Arc<dyn ClientCertVerifier>);

/// The certificate, its key and the client authorities. Its `Debug` prints no content.
#[derive(Clone)]
pub struct ServerCredentials {
    grpc: Arc<ServerConfig>,
    rest: Arc<ServerConfig>,
    expires: Timestamp,
    /// The service's and the authorities'. Another key would need another certificate.
    own: Arc<[CertificateDer<'static>]>,
    authorities: Arc<[CertificateDer<'static>]>,
}

impl ServerCredentials {
    /// `None`: the certificate cannot be used.
    pub(super) fn new(pair: CertifiedKey, authorities: Option<ClientAuthorities>) -> Option<Self> {
        let expires = certificate::parse_certificate(pair.cert.first()?)?.expires;
        let own = pair.cert.clone().into();
        let (authorities, verifier) =
            authorities.unwrap_or_else(|| (Vec::new(), WebPkiClientVerifier::no_client_auth()));
        let provider = Arc::new(ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13, &TLS12])
            .ok()?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(pair)));
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Some(Self {
            grpc: for_port(&config, Http::Two),
            rest: for_port(&config, Http::One),
            expires,
            own,
            authorities: authorities.into(),
        })
    }

    /// Whether clients refuse the certificate.
    pub fn have_expired(&self, now: Timestamp) -> bool {
        self.expires <= now
    }

    /// What handshakes of a port that speaks `http` are made with.
    pub(super) fn config(&self, http: Http) -> Arc<ServerConfig> {
        Arc::clone(match http {
            Http::One => &self.rest,
            Http::Two => &self.grpc,
        })
    }

    /// Whether both came from the same files.
    pub(super) fn are(&self, others: &Self) -> bool {
        self.own == others.own && self.authorities == others.authorities
    }
}

impl fmt::Debug for ServerCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerCredentials(…)")
    }
}

fn for_port(config: &ServerConfig, http: Http) -> Arc<ServerConfig> {
    let mut config = config.clone();
    config.alpn_protocols = vec![http.alpn().to_vec()];
    Arc::new(config)
}
