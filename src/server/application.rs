//! The application from bind to exit. The binary and the tests start this same object.

use std::{future::Future, net::SocketAddr, sync::Arc};

use axum::Router;
use tokio::{sync::watch, task::JoinSet};
use tokio_util::task::TaskTracker;
use tonic::service::Routes;

use super::{
    ApplicationSettings, ServerSettings, StartError, Stop, TestHooks,
    accept::accept_connections,
    background,
    connection::Connections,
    connection_limit::{CONNECTION_BYTES, ConnectionLimit, descriptor_limit},
    drain::{DrainStages, RunningServer},
    health::HealthService,
    http::Http,
    listeners::Listeners,
    mail,
    metrics::Metrics,
    operations,
    readiness::{Readiness, ReadinessReporter},
    services,
    tls::ServerTls,
};
use crate::{
    auth::{Auth, Callers},
    db::Db,
    domain::{Clock, Timestamp},
    hashing::{Hasher, connections_share},
    mail::Mailer,
    transport::{Edge, EdgeSettings, Gate, Protocol, Proxies, Reflection, rest},
};

/// The operations port has its own limit, so that probes get through whatever the callers do.
const OPERATIONS_CONNECTIONS: usize = 16;

/// A service whose ports are bound and that does not serve yet.
pub struct Application {
    settings: ServerSettings,
    listeners: Listeners,
    grpc: Edge<Routes>,
    rest: Edge<Router>,
    stages: DrainStages,
    reporter: ReadinessReporter,
    db: Db,
    hasher: Hasher,
    auth: Auth,
    /// `None`: plaintext.
    tls: Option<ServerTls>,
    clock: Clock,
    started: Timestamp,
}

impl Application {
    /// Binds the listeners and connects the layers. Runs inside tokio's runtime and sends nothing to
    /// the database yet.
    ///
    /// # Errors
    /// An address cannot be bound, the database's URL is faulty, or a layer cannot start.
    pub fn build(settings: ApplicationSettings, hooks: TestHooks) -> Result<Self, StartError> {
        let mut server = settings.server;
        let listeners = Listeners::bind(&server)?;
        let db = Db::open(&settings.db).map_err(StartError::Database)?;
        let hasher = Hasher::start(settings.hashing, hooks.before_hash)?;
        let mailer = Mailer::start(settings.mail)?;
        let clock = hooks.clock.unwrap_or_default();
        let started = clock.now();
        let callers = Callers::new(db.clone(), clock.clone());
        let interval = hooks.certificate_interval;
        let tls = server.tls.take();
        let tls = tls.map(|tls| ServerTls::new(tls, clock.clone(), server.grace, interval));
        let (hashing, auth) = (hasher.clone(), settings.auth);
        let auth = Auth::new(db.clone(), hashing, mailer, clock.clone(), auth);

        let stages = DrainStages::new();
        let reflection = server.gate.reflection != Reflection::Off;
        let reporter = ReadinessReporter::new();
        let health = HealthService::new(
            services::service_names(reflection),
            reporter.subscribe(),
            stages.closing.clone(),
        );
        let routes = services::build_routes(auth.clone(), health, reflection)?;
        let edge = EdgeSettings {
            request_timeout: server.request_timeout,
            gate: Arc::new(Gate::new(callers, server.gate.clone())),
            before_handler: hooks.before_handler,
            cut: stages.cut.clone(),
        };
        Ok(Self {
            grpc: Edge::new(routes, Protocol::Grpc, edge.clone()),
            rest: Edge::new(rest::router(auth.clone()), Protocol::Rest, edge),
            settings: server,
            listeners,
            stages,
            reporter,
            db,
            hasher,
            auth,
            tls,
            clock,
            started,
        })
    }

    /// The bound gRPC address.
    pub fn grpc_address(&self) -> SocketAddr {
        self.listeners.grpc.address
    }

    /// The bound REST address; `None` where REST is off.
    pub fn rest_address(&self) -> Option<SocketAddr> {
        self.listeners.rest.as_ref().map(|rest| rest.address)
    }

    /// The bound address of the operations port.
    pub fn operations_address(&self) -> SocketAddr {
        self.listeners.operations.address
    }

    /// The most connections of gRPC and REST together.
    pub fn connections_max(&self) -> usize {
        connections_max(self.settings.connections.max)
    }

    /// The database, for what tests do without an RPC.
    #[doc(hidden)]
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// The use cases, for tests that run the work of a timer at once.
    #[doc(hidden)]
    pub fn auth(&self) -> &Auth {
        &self.auth
    }

    /// The readiness that `/readyz` reports, for tests that wait for a change. It outlives
    /// `run_until_stopped`.
    #[doc(hidden)]
    pub fn readiness(&self) -> watch::Receiver<Readiness> {
        self.reporter.subscribe()
    }

    /// Serves until `stop` resolves, then drains, and returns when everything has ended. If the future
    /// is dropped earlier, everything ends at once.
    pub async fn run_until_stopped(self, stop: impl Future<Output = Stop> + Send + 'static) {
        let _everything_ends_with_this = self.stages.end.clone().drop_guard();
        let settings = self.settings.clone();
        let (tls, clock) = (self.tls.clone(), self.clock.clone());
        let (running, mut loops) = self.run();
        let mut background = JoinSet::new();
        background.spawn(background::run(
            running.db.clone(),
            running.auth.clone(),
            clock,
            settings.migrate_on_start,
            running.reporter.clone(),
        ));
        if let Some(tls) = tls {
            background.spawn(tls.keep_fresh());
        }

        let mut worker = JoinSet::new();
        worker.spawn(mail::deliver(
            running.auth.clone(),
            running.reporter.subscribe(),
            running.stages.closing.clone(),
        ));

        let stop = stop.await;
        running.announce(stop, settings.drain_delay).await;
        running.finish_calls(settings.grace).await;
        running.finish_mail(worker).await;
        background.shutdown().await;
        running.close().await;
        while loops.join_next().await.is_some() {}
    }

    fn metrics(&self, connections: ConnectionLimit) -> Metrics {
        Metrics {
            grpc: self.grpc.calls(),
            rest: self.rest.calls(),
            hasher: self.hasher.clone(),
            db: self.db.clone(),
            auth: self.auth.clone(),
            connections,
            readiness: self.reporter.subscribe(),
            started: self.started,
        }
    }

    /// Starts the accept loops.
    fn run(self) -> (RunningServer, JoinSet<()>) {
        let (calls, probes) = (TaskTracker::new(), TaskTracker::new());
        let most = self.connections_max();
        let limit = ConnectionLimit::new(most, self.settings.gate.proxies.clone());
        let probe_limit = ConnectionLimit::new(OPERATIONS_CONNECTIONS, Proxies::default());
        let operations = operations::router(self.metrics(limit.clone()), probe_limit.clone());
        let stages = self.stages;
        let tls = |http| self.tls.as_ref().map(|tls| tls.acceptor(http));

        let mut loops = JoinSet::new();
        loops.spawn(limit.clone().watch_until(stages.probe_signals().closing));
        let age = self.settings.connections.max_age;
        let grpc = Connections::new(Http::Two, self.grpc, stages.call_signals(), calls.clone())
            .with_tls(tls(Http::Two))
            .with_age(age);
        loops.spawn(accept_connections(
            "grpc",
            self.listeners.grpc.socket,
            limit.clone(),
            grpc,
        ));
        if let Some(listener) = self.listeners.rest {
            let rest = Connections::new(Http::One, self.rest, stages.call_signals(), calls.clone())
                .with_tls(tls(Http::One))
                .with_age(age);
            loops.spawn(accept_connections("rest", listener.socket, limit, rest));
        }
        let operations = Connections::new(
            Http::One,
            operations,
            stages.probe_signals(),
            probes.clone(),
        );
        loops.spawn(accept_connections(
            "operations",
            self.listeners.operations.socket,
            probe_limit,
            operations,
        ));
        let running = RunningServer {
            stages,
            reporter: self.reporter,
            calls,
            probes,
            auth: self.auth,
            hasher: self.hasher,
            db: self.db,
        };
        (running, loops)
    }
}

/// Leaves a quarter of the file descriptors to the database, the probes and a margin, and takes no more
/// than its share of the memory.
fn connections_max(configured: usize) -> usize {
    let by_memory = connections_share().map(|bytes| bytes / CONNECTION_BYTES);
    let by_memory = by_memory.and_then(|most| usize::try_from(most).ok());
    let by_descriptors = descriptor_limit().map(|most| most / 4 * 3);
    let bounds = [by_memory, by_descriptors].into_iter().flatten();
    bounds.fold(configured, usize::min)
}
