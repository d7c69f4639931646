//! Vestibule: a gRPC authentication microservice.
//!
//! Calls go down one layer at a time and come back the same way; nothing points up.
//!
//! ```text
//!   callers (gRPC)    browsers, curl (REST)
//!         │                   │
//!   transport::grpc     transport::rest      one error table, one edge
//!         └─────────┬─────────┘
//!                   ▼
//!                 auth                       use cases: register_user, valid_login, create_session …
//!        ┌──────────┼──────────┐
//!        ▼          ▼          ▼
//!     hashing      db        mail            argon2 engine │ SeaORM (Postgres, SQLite) │ SMTP
//!        └──────────┼──────────┘
//!                   ▼
//!                domain                      Email, NewPassword, SessionToken, User, Session, Clock
//! ```
//!
//! `server` owns listeners, limits, health and drain; `config` reads settings for every layer;
//! `cli` and `telemetry` surround them, and `metrics` has the counters of all.

#![allow(
    missing_docs,
    reason = "the library is the inside of the binary: no doc is better than one that repeats a name"
)]

/// The release of this build.
pub const RELEASE: &str = env!("CARGO_PKG_VERSION");
/// The commit of this build, or `unknown`; `build.rs` finds it.
pub const COMMIT: &str = env!("VESTIBULE_COMMIT");

pub mod auth;
pub mod cli;
pub mod config;
pub mod db;
pub mod domain;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
pub mod hashing;
pub mod mail;
mod metrics;
pub mod proto;
pub mod server;
pub mod telemetry;
pub mod transport;
