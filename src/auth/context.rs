//! What every use case knows of the call that it serves.

use tokio::time::Instant;

use crate::domain::CallerName;

/// The call that a use case serves.
#[derive(Debug, Clone)]
pub struct CallContext {
    /// The one deadline of the call: no piece of work starts after it.
    pub deadline: Instant,
    /// The call's id in answers and logs; not the `request_id` of a registration.
    pub request_id: String,
    /// The service that calls, where it proved its name.
    pub caller: Option<CallerName>,
}
