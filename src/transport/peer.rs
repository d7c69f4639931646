//! What the accept loop knows of a connection, as extensions of each of its requests.

use std::{net::SocketAddr, sync::Arc};

use tokio::time::Instant;

use crate::domain::CertificateIdentity;

/// From when on an HTTP/1 connection waited for this request.
#[derive(Debug, Clone, Copy)]
pub struct AwaitedSince(pub Instant);

/// Where the connection comes from.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// Of a connection whose client proved that it holds a certificate of `tls.client_ca`; without a
/// certificate the extension is missing, since no proof was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerCertificate {
    /// The one identity that it names.
    Of(Arc<CertificateIdentity>),
    /// It names no identity, or several: a proof that failed, which differs from no proof.
    Unusable,
}
