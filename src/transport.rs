//! Protocols: they convert, call `auth` and convert back. One edge and one error table serve both.

mod edge;
pub mod grpc;
pub mod rest;

pub use edge::{BeforeHandler, Edge, EdgeSettings, GrpcTimeout, Peer, Protocol};
