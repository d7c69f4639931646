//! The gRPC side.

mod auth;

pub use auth::{AuthHandlers, auth_service};
