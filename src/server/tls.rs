//! TLS of the gRPC and REST ports: handshakes, their time limit, and the identity in the client's
//! certificate. The operations port has no TLS, because probes know no authority.
//!
//! TLS sessions are not resumed: each connection presents its certificate again, so that a
//! certificate or an authority that was removed grants nothing any more.

mod certificate;
mod credentials;
mod fault;
mod files;
mod rotation;

use std::{sync::Arc, time::Duration};

use tokio::{net::TcpStream, sync::watch, time::timeout};
use tokio_rustls::{TlsAcceptor, rustls::pki_types::CertificateDer, server::TlsStream};

pub use credentials::ServerCredentials;
pub use fault::{TlsFault, TlsFile};
pub use files::TlsFiles;

use super::http::Http;
use crate::{
    domain::{Clock, TrustDomain},
    transport::PeerCertificate,
};

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// The settings of TLS, and the credentials that were loaded by them at the start.
#[derive(Debug, Clone)]
pub struct TlsSettings {
    /// The PEM files; read again while the service runs.
    pub files: TlsFiles,
    /// The content of the files at the start.
    pub credentials: ServerCredentials,
    /// The SPIFFE trust domain whose IDs are accepted; `None`: no SPIFFE ID is accepted.
    pub trust_domain: Option<TrustDomain>,
}

/// TLS of a running service; clones share the current credentials.
#[derive(Clone)]
pub(super) struct ServerTls {
    files: TlsFiles,
    current: watch::Sender<ServerCredentials>,
    trust_domain: Option<TrustDomain>,
    clock: Clock,
    grace: Duration,
    interval: Duration,
}

impl ServerTls {
    /// Calls in flight have `grace` to end after their client's certificate expired. The files are
    /// read every `interval`, by default every ten seconds.
    pub(super) fn new(
        settings: TlsSettings,
        clock: Clock,
        grace: Duration,
        interval: Option<Duration>,
    ) -> Self {
        Self {
            files: settings.files,
            current: watch::Sender::new(settings.credentials),
            trust_domain: settings.trust_domain,
            clock,
            grace,
            interval: interval.unwrap_or(rotation::INTERVAL),
        }
    }

    pub(super) fn acceptor(&self, http: Http) -> Arc<Acceptor> {
        Arc::new(Acceptor {
            credentials: self.current.subscribe(),
            http,
            trust_domain: self.trust_domain.clone(),
            clock: self.clock.clone(),
            grace: self.grace,
        })
    }

    /// Reloads the files for new handshakes. Runs until it is dropped.
    pub(super) async fn keep_fresh(self) {
        rotation::keep_fresh(self.files, self.current, self.clock, self.interval).await;
    }
}

/// Makes the handshakes of a port.
pub(super) struct Acceptor {
    /// A handshake uses the credentials that are current when it begins.
    credentials: watch::Receiver<ServerCredentials>,
    http: Http,
    trust_domain: Option<TrustDomain>,
    clock: Clock,
    grace: Duration,
}

/// The identity that a client's certificate proved, and for how long.
pub(super) struct Proof {
    pub(super) names: PeerCertificate,
    /// The time left until the certificate expires.
    pub(super) expires_in: Duration,
    /// The time that calls in flight have after that.
    pub(super) grace: Duration,
}

impl Acceptor {
    /// Does the handshake. `None`: it failed, took too long, or the client's certificate cannot be
    /// read. Anybody can cause these failures, so they are logged at debug.
    pub(super) async fn accept(
        &self,
        stream: TcpStream,
    ) -> Option<(TlsStream<TcpStream>, Option<Proof>)> {
        let config = self.credentials.borrow().config(self.http);
        let handshake = TlsAcceptor::from(config).accept(stream);
        let stream = match timeout(HANDSHAKE_TIMEOUT, handshake).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                tracing::debug!(%error, "TLS handshake failed");
                return None;
            }
            Err(_) => {
                tracing::debug!("TLS handshake took too long");
                return None;
            }
        };
        let proof = match stream.get_ref().1.peer_certificates() {
            Some([certificate, ..]) => {
                let Some(proof) = self.prove(certificate) else {
                    tracing::debug!("the client's certificate cannot be read");
                    return None;
                };
                Some(proof)
            }
            Some([]) | None => None,
        };
        Some((stream, proof))
    }

    /// `None`: the certificate cannot be read, so its expiry is unknown too.
    fn prove(&self, certificate: &CertificateDer<'_>) -> Option<Proof> {
        let facts = certificate::parse_certificate(certificate)?;
        let names = match facts.identity(self.trust_domain.as_ref()) {
            Some(identity) => PeerCertificate::Of(Arc::new(identity)),
            None => PeerCertificate::Unusable,
        };
        let left = facts.expires - self.clock.now();
        Some(Proof {
            names,
            expires_in: left.to_std().unwrap_or_default(),
            grace: self.grace,
        })
    }
}

#[cfg(test)]
mod tests;
