//! Who is at the other end of a connection, as its calls are told: the accept loop puts it into each
//! request.

use std::{net::SocketAddr, sync::Arc};

use tokio::time::Instant;

use crate::domain::CertificateIdentity;

/// Request extension: where the connection comes from.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// Request extension: from when on an HTTP/1 connection waited for this request.
#[derive(Debug, Clone, Copy)]
pub struct AwaitedSince(pub Instant);

/// Request extension of a connection whose client proved that it holds a certificate of
/// `tls.client_ca`. Without one it is missing: no proof was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerCertificate {
    /// It names somebody.
    Of(Arc<CertificateIdentity>),
    /// It names nobody, or more than one: a proof that failed, which is not the same as none.
    Nobody,
}
