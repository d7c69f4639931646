//! What every use case knows of the call that it serves.

use std::net::IpAddr;

use tokio::time::Instant;

/// The call: until when it may work, and who asked.
#[derive(Debug, Clone)]
pub struct CallContext {
    /// The one deadline: past it no piece of work starts.
    pub deadline: Instant,
    /// The call's id in answers and logs; another thing than a registration's `request_id`.
    pub request_id: String,
    /// The peer's address.
    pub source: Option<IpAddr>,
}
