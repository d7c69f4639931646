//! The server around the calls: listeners, connections and their limits, health, drain.

mod accept;
mod application;
mod background;
mod calls;
mod connection;
mod connection_limit;
mod drain;
mod header_timeout;
mod health;
mod http;
mod listeners;
mod mail;
mod metrics;
mod operations;
mod readiness;
mod services;
mod ticks;
pub mod tls;

use std::{io, net::SocketAddr, time::Duration};

use thiserror::Error;

pub use application::Application;
pub use readiness::{Check, Readiness};

use crate::{
    auth, db,
    domain::Clock,
    hashing, mail as mailing,
    transport::{self, GateSettings},
};

/// The settings of listeners, connections and the drain.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    pub grpc_listen: SocketAddr,
    /// The longest time that a call may take.
    pub request_timeout: Duration,
    /// The connections of gRPC and REST together.
    pub connections: ConnectionSettings,
    /// Where REST listens; `None`: REST is off.
    pub rest_listen: Option<SocketAddr>,
    /// Who may call, and whose word on sources is believed.
    pub gate: GateSettings,
    /// TLS for gRPC and REST; `None`: plaintext.
    pub tls: Option<tls::TlsSettings>,
    /// Where the operations port listens; always in plaintext.
    pub operations_listen: SocketAddr,
    /// How long calls are served as before after SIGTERM, so that balancers notice.
    pub drain_delay: Duration,
    /// How long calls in flight may take after the drain delay.
    pub grace: Duration,
    /// Whether pending migrations are applied at start.
    pub migrate_on_start: bool,
}

/// The limits of connections.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionSettings {
    /// The most of them, bounded further by three quarters of the file descriptors that the process may
    /// open, and by a tenth of the memory limit.
    pub max: usize,
    /// The age of a connection, a tenth more or less, at which its client must open another.
    pub max_age: Duration,
}

/// The settings of all layers.
#[derive(Debug, Clone)]
pub struct ApplicationSettings {
    /// Listeners, limits, lifecycle.
    pub server: ServerSettings,
    pub db: db::DbSettings,
    pub hashing: hashing::HashingSettings,
    /// How mail is delivered.
    pub mail: mailing::Delivery,
    pub auth: auth::AuthSettings,
}

/// Hooks by which tests hold, count and break work. The binary leaves them empty.
#[doc(hidden)]
#[derive(Clone, Default)]
pub struct TestHooks {
    /// Called in the hashing thread before each hash.
    pub before_hash: Option<hashing::BeforeHash>,
    /// Awaited inside the edge before each handler.
    pub before_handler: Option<transport::BeforeHandler>,
    /// The clock; `None`: the system clock.
    pub clock: Option<Clock>,
    /// How often the TLS files are read; `None`: every ten seconds.
    pub certificate_interval: Option<Duration>,
}

/// Why the application did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// A listener's address cannot be bound.
    #[error("cannot listen on {address}: {source} (set {key} or {variable})")]
    Bind {
        /// The key in the configuration file, such as `grpc.listen`.
        key: &'static str,
        /// The environment variable, such as `VESTIBULE_GRPC_LISTEN`.
        variable: &'static str,
        address: SocketAddr,
        /// The error of the system.
        source: io::Error,
    },
    /// The database cannot be opened, because its URL is faulty.
    #[error("the database cannot be opened")]
    Database(#[source] db::DbError),
    /// The hashing threads cannot be started.
    #[error("the hashing engine cannot start")]
    Hashing(#[from] hashing::HashingStartError),
    /// The mailer cannot start.
    #[error("mail cannot be sent")]
    Mail(#[from] mailing::MailStartError),
    /// The descriptors that reflection serves cannot be read, which is a bug of the build.
    #[error("the descriptors for reflection cannot be read")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// The signal that stops the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// SIGTERM: drains after the drain delay.
    Terminate,
    /// SIGINT: drains at once.
    Interrupt,
}
