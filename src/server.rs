//! Listeners, limits, health and drain.

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use thiserror::Error;

use crate::{auth, db, hashing};

/// Listeners and their limits.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where gRPC listens.
    pub grpc_listen: SocketAddr,
    /// Whether reflection is served.
    pub reflection: bool,
    /// The longest that a call may take.
    pub request_timeout: Duration,
    /// gRPC and REST connections together.
    pub max_connections: usize,
    /// Where REST listens; `None`: nowhere.
    pub rest_listen: Option<SocketAddr>,
    /// Where the operations port listens.
    pub operations_listen: SocketAddr,
    /// How long calls are served as before after SIGTERM.
    pub drain_delay: Duration,
    /// How long in-flight calls may take after that.
    pub grace: Duration,
    /// Whether pending migrations are applied at start.
    pub migrate_on_start: bool,
}

/// Everything that the application is built from.
#[derive(Debug, Clone)]
pub struct ApplicationSettings {
    /// Listeners, limits, lifecycle.
    pub server: Settings,
    /// The database.
    pub db: db::Settings,
    /// The hashing engine.
    pub hashing: hashing::Settings,
    /// The use cases.
    pub auth: auth::Settings,
}

/// Where tests hold, count and break work. The binary passes the empty one.
#[doc(hidden)]
#[derive(Clone, Default)]
pub struct Seams {
    /// Called in the hashing thread before each hash.
    pub before_hash: Option<hashing::BeforeHash>,
    /// Awaited inside the edge before each handler, with the RPC's path (`/vestibule.v1.AuthService/ValidLogin`) or `METHOD /path`.
    pub before_handler: Option<Arc<dyn Fn(&str) -> BoxFuture<'static, ()> + Send + Sync>>,
    /// The clock; `None`: the system's.
    pub clock: Option<crate::domain::Clock>,
}

/// Why the application did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// A listener's address cannot be bound.
    #[error("cannot listen on {address}: {source} (set {key} or {variable})")]
    Bind {
        /// `grpc.listen` and so on.
        key: &'static str,
        /// `VESTIBULE_GRPC_LISTEN` and so on.
        variable: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The database cannot be opened (a faulty URL).
    #[error("the database cannot be opened")]
    Database(#[source] db::DbError),
}

/// How to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// SIGTERM: with the drain delay.
    Terminate,
    /// SIGINT: without.
    Interrupt,
}

/// The service: bound, not yet serving.
pub struct Application;

impl Application {
    /// Binds the listeners and joins the layers.
    pub async fn build(settings: ApplicationSettings, seams: Seams) -> Result<Self, StartError> {
        todo!()
    }
    /// The bound gRPC address.
    pub fn grpc_address(&self) -> SocketAddr {
        todo!()
    }
    /// The bound REST address.
    pub fn rest_address(&self) -> Option<SocketAddr> {
        todo!()
    }
    /// The bound operations address.
    pub fn operations_address(&self) -> SocketAddr {
        todo!()
    }
    /// Access for tests to what no RPC does yet.
    #[doc(hidden)]
    pub fn db(&self) -> &db::Db {
        todo!()
    }
    /// Serves until `stop` resolves, then drains. Returns when everything has ended.
    pub async fn run_until_stopped(self, stop: impl Future<Output = Stop> + Send + 'static) {
        todo!()
    }
}
