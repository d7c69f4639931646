//! The content of the TLS files as configurations that handshakes use.

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
    /// The certificates, to compare with reloaded ones. Another key would need another certificate.
    own: Arc<[CertificateDer<'static>]>,
    authorities: Arc<[CertificateDer<'static>]>,
}

impl ServerCredentials {
    /// `None`: rustls or the parser rejects the certificate.
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

    /// Whether the certificate has expired, so that clients refuse it.
    pub fn have_expired(&self, now: Timestamp) -> bool {
        self.expires <= now
    }

    pub(super) fn config(&self, http: Http) -> Arc<ServerConfig> {
        Arc::clone(match http {
            Http::One => &self.rest,
            Http::Two => &self.grpc,
        })
    }

    /// Whether both have the same certificates and authorities.
    pub(super) fn equal(&self, others: &Self) -> bool {
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
