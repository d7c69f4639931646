//! What every use case knows of the call that it serves.

use std::net::IpAddr;

use tokio::time::Instant;
use tracing::{Span, field::display};

use crate::{
    domain::{CallerName, ClientInfo, Source},
    hashing::Flow,
};

/// The call that a use case serves.
#[derive(Debug, Clone)]
pub struct CallContext {
    /// The one deadline of the call: no piece of work starts after it.
    pub deadline: Instant,
    /// The call's id in answers and logs; not the `request_id` of a registration.
    pub request_id: String,
    /// The service that calls, where it proved its name.
    pub caller: Option<CallerName>,
    /// The address that the call comes from, as the connection and its proxies show.
    pub address: Option<IpAddr>,
    /// Whether the end user's address in the message is believed instead.
    pub believes_client: bool,
}

impl CallContext {
    /// A call of nobody, from nowhere.
    pub fn new(deadline: Instant, request_id: String) -> Self {
        Self {
            deadline,
            request_id,
            caller: None,
            address: None,
            believes_client: false,
        }
    }

    /// The end user's client: the address that the message told, or else where the call comes from.
    /// The call's log lines get its source.
    pub fn client(&self, told: Option<IpAddr>, user_agent: &str) -> ClientInfo {
        let believed = told.filter(|_| self.believes_client).or(self.address);
        let source = believed.and_then(Source::of);
        if let Some(source) = source {
            Span::current().record("source", display(source));
        }
        let own = self.address.filter(|own| Source::of(*own).is_some());
        ClientInfo {
            source,
            ..ClientInfo::new(told.or(own), user_agent)
        }
    }

    /// Whose work the hashes of this call are.
    pub(super) fn flow(&self, client: &ClientInfo) -> Flow {
        match (&self.caller, client.source) {
            (Some(caller), _) => Flow::Caller(caller.clone()),
            (None, Some(source)) => Flow::Source(source),
            (None, None) => Flow::Rest,
        }
    }
}
