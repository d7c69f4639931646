//! What every use case knows of the call that it serves.

use tokio::time::Instant;

use crate::domain::{CallerName, ClientInfo, Origin};

/// The call: until when it may work, and who asked.
#[derive(Debug, Clone)]
pub struct CallContext {
    /// The one deadline: past it no piece of work starts.
    pub deadline: Instant,
    /// The call's id in answers and logs; another thing than a registration's `request_id`.
    pub request_id: String,
    /// The service that calls, where it proved its name.
    pub caller: Option<CallerName>,
}

impl CallContext {
    /// What events keep of this call, made for an end user's client.
    pub(super) fn origin(&self, client: ClientInfo) -> Origin {
        Origin {
            caller: self.caller.clone(),
            client,
        }
    }
}
