//! Protocols: they convert, call `auth` and convert back. One edge and one error table serve both,
//! so that the same input gets the same answer through either.

mod access_policy;
mod answer;
mod bearer;
mod call_log;
mod call_memory;
mod call_metrics;
mod call_name;
mod caller;
mod deadline;
mod edge;
mod error_table;
mod failure;
mod forwarded;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
pub mod grpc;
mod header_list;
mod input;
mod media_type;
mod page;
mod peer;
mod problem;
mod protocol;
mod request_id;
pub mod rest;
mod status;
mod stream;

pub use access_policy::{AuthServiceAccess, Reflection, grantable, grantable_methods};
pub use call_memory::{Call, CallMemory, ConnectionMemory, HELD_MAX, ReceivedBody};
pub(crate) use call_metrics::CallMetrics;
pub use caller::{Gate, GateSettings};
pub use edge::{BeforeHandler, Edge, EdgeSettings};
pub use forwarded::Proxies;
pub(crate) use input::client_ips_dropped;
pub use peer::{AwaitedSince, Peer, PeerCertificate};
pub use protocol::Protocol;
