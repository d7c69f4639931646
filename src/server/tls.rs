//! TLS for the ports of callers: the certificate that a handshake is made with, how long one may
//! take, and whom the client's certificate names. Probes know no authority, so the operations port
//! has none.
//!
//! Sessions are not resumed: each connection proves anew who it is, so that what a certificate or an
//! authority proved ends with them.

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

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// TLS as it is set.
#[derive(Debug, Clone)]
pub struct TlsSettings {
    /// Where the certificates are; looked at again while the service runs.
    pub files: TlsFiles,
    /// What the files held at the start.
    pub credentials: ServerCredentials,
    /// Of whose workloads a SPIFFE ID is believed; `None`: of nobody's.
    pub trust_domain: Option<TrustDomain>,
}

/// TLS of a running service; clones share what is in force.
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
    /// When a client's certificate expires, its calls in flight have `grace`. The files are looked
    /// at every `interval`, or every ten seconds.
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

    /// What makes the handshakes of a port that speaks `http`.
    pub(super) fn acceptor(&self, http: Http) -> Arc<Acceptor> {
        Arc::new(Acceptor {
            credentials: self.current.subscribe(),
            http,
            trust_domain: self.trust_domain.clone(),
            clock: self.clock.clone(),
            grace: self.grace,
        })
    }

    /// Gives new handshakes what the files hold. Runs until it is dropped.
    pub(super) async fn keep_fresh(self) {
        rotation::keep_fresh(self.files, self.current, self.clock, self.interval).await;
    }
}

/// Makes the handshakes of a port.
pub(super) struct Acceptor {
    /// Of the moment: a handshake takes what is there when it begins.
    credentials: watch::Receiver<ServerCredentials>,
    http: Http,
    trust_domain: Option<TrustDomain>,
    clock: Clock,
    grace: Duration,
}

/// What a client's certificate proved.
pub(super) struct Proof {
    pub(super) names: PeerCertificate,
    /// For how long it does.
    pub(super) holds: Duration,
    /// What calls in flight have after that.
    pub(super) grace: Duration,
}

impl Acceptor {
    /// Makes one. `None`: the peer is too slow, speaks something else, or what it shows proves
    /// nothing. Anybody can cause these, so they are no warnings.
    pub(super) async fn accept(
        &self,
        stream: TcpStream,
    ) -> Option<(TlsStream<TcpStream>, Option<Proof>)> {
        let config = self.credentials.borrow().config(self.http);
        let handshake = TlsAcceptor::from(config).accept(stream);
        let stream = match timeout(HANDSHAKE, handshake).await {
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
                let Some(proof) = self.proof(certificate) else {
                    tracing::debug!("the client's certificate cannot be read");
                    return None;
                };
                Some(proof)
            }
            Some([]) | None => None,
        };
        Some((stream, proof))
    }

    /// `None`: the certificate cannot be read, so that its end is not known either.
    fn proof(&self, certificate: &CertificateDer<'_>) -> Option<Proof> {
        let facts = certificate::parse_certificate(certificate)?;
        let names = match facts.identity(self.trust_domain.as_ref()) {
            Some(identity) => PeerCertificate::Of(Arc::new(identity)),
            None => PeerCertificate::Nobody,
        };
        let left = facts.expires - self.clock.now();
        Some(Proof {
            names,
            holds: left.to_std().unwrap_or_default(),
            grace: self.grace,
        })
    }
}

#[cfg(test)]
mod tests;
