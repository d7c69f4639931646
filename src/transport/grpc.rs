//! The gRPC side: the handlers, and how a gRPC call is recognised.

mod account;
mod audit;
mod auth;
mod convert;
mod import;
mod methods;
mod users;

use std::ops::Deref;

use http::{Method, Request};
use tonic::Status;

pub use account::{AccountHandlers, account_service};
pub use audit::{AuditHandlers, audit_service};
pub use auth::{AuthHandlers, MESSAGE_MAX, auth_service};
pub(crate) use methods::{rpc_position, rpcs};
pub use users::{UserHandlers, user_service};

use super::{failure::Failure, media_type::media_type};
use crate::{auth::CallContext, proto::Wipe};

/// Why a request is not gRPC, if it is not. The other formats that the protocol could name (`+json`,
/// grpc-web) are not served.
pub(crate) fn refusal<B>(request: &Request<B>) -> Option<Failure> {
    if request.method() != Method::POST {
        return Some(Failure::WrongMethod);
    }
    match media_type(request.headers()).as_deref() {
        Some("application/grpc" | "application/grpc+proto") => None,
        Some(_) | None => Some(Failure::WrongMediaType),
    }
}

/// Takes a request apart into what every handler needs.
fn open<M: Wipe>(request: tonic::Request<M>) -> Result<(CallContext, Wiped<M>), Status> {
    let (call, message) = open_stream(request)?;
    Ok((call, Wiped(message)))
}

/// The same of a request whose messages come one by one.
fn open_stream<M>(request: tonic::Request<M>) -> Result<(CallContext, M), Status> {
    let (_, mut extensions, message) = request.into_parts();
    match extensions.remove::<CallContext>() {
        Some(call) => Ok((call, message)),
        None => Err(Failure::internal("a request without its context").into()),
    }
}

/// A message whose secrets are overwritten when it is dropped, so that none is left in freed memory.
struct Wiped<M: Wipe>(M);

impl<M: Wipe> Deref for Wiped<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.0
    }
}

impl<M: Wipe> Drop for Wiped<M> {
    fn drop(&mut self) {
        self.0.wipe();
    }
}
