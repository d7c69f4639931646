//! From the first connection on: what callers and orchestrators are told of the service's state.

use std::{fs, time::Duration};

use futures_util::FutureExt;
use tokio::time::Instant;
use tonic::Code;
use vestibule::{db::Target, server::Stop};

use crate::harness::{
    Database, Fault, Link, NOT_SERVING, PASSWORD, Plan, Postgres, Proxy, SERVICE_UNKNOWN, SERVING,
    Server, Store, assert_within, captured_lines, email, eventually, figure, within,
};

on_both_databases!(
    health_is_told_per_service,
    a_watch_is_told_each_change,
    a_service_without_its_database_is_live_and_not_ready,
    pending_migrations_are_named_and_waited_for,
);

const SERVICE: &str = "vestibule.v1.AuthService";
/// Longer than any test: what happens meanwhile happens during it.
const FOR_EVER: Duration = Duration::from_mins(10);

/// (W5)
async fn health_is_told_per_service(app: Server) {
    for service in [
        "",
        SERVICE,
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    ] {
        assert_eq!(app.health().check(service).await, Ok(SERVING), "{service}");
    }
    for unknown in ["AuthService", "vestibule.v1.authservice", "vestibule.v1"] {
        let answer = app.health().check(unknown).await;
        assert_eq!(answer, Err(Code::NotFound), "{unknown}");
    }
    assert_eq!(app.readiness().await, (200, "ready".to_owned()));
}

/// (W6)
async fn a_watch_is_told_each_change(database: Database) {
    let plan = Server::on(database).await;
    let mut app = plan
        .settings(|settings| settings.server.drain_delay = FOR_EVER)
        .start()
        .await;
    let mut streams = Vec::new();
    for (service, status) in [
        ("", SERVING),
        (SERVICE, SERVING),
        ("no.such.Service", SERVICE_UNKNOWN),
    ] {
        let mut stream = app.health().watch(service).await;
        assert_eq!(stream.message().await.unwrap().unwrap().status, status);
        streams.push(stream);
    }
    let start = Instant::now();
    app.ask_to_stop(Stop::Terminate);
    for stream in &mut streams[..2] {
        let change = within(Duration::from_secs(30), "the change", stream.message()).await;
        assert_eq!(change.unwrap().unwrap().status, NOT_SERVING);
    }
    assert_within(start.elapsed(), Duration::from_secs(1));
    figure("W6", format_args!("told within {:?}", start.elapsed()));
    // Still open, with nothing more to say.
    assert!(streams[2].message().now_or_never().is_none());
}

/// A database that is not there yet.
enum Absent {
    /// Its directory cannot be made: a file has the name.
    Sqlite(tempfile::TempDir),
    /// The network to it is down.
    Postgres(Proxy),
}

impl Absent {
    async fn of(database: Database) -> (Store, Self) {
        match database {
            Database::Sqlite => {
                let directory = tempfile::tempdir().unwrap();
                let name = directory.path().join("data");
                fs::write(&name, "").unwrap();
                let store = Store::sqlite(name.join("vestibule.db"));
                (store, Self::Sqlite(directory))
            }
            Database::Postgres => {
                let proxy = Proxy::before(Postgres::shared().socket()).await;
                proxy.set(Link::Down);
                let store = Store::empty(database).await.through(&proxy);
                (store, Self::Postgres(proxy))
            }
        }
    }

    fn bring(&self) {
        match self {
            Self::Sqlite(directory) => fs::remove_file(directory.path().join("data")).unwrap(),
            Self::Postgres(proxy) => proxy.set(Link::Up),
        }
    }
}

/// (W7) From the first connection that is accepted, and ready without anybody's help afterwards.
async fn a_service_without_its_database_is_live_and_not_ready(database: Database) {
    let (store, absent) = Absent::of(database).await;
    let plan = Plan::over(store.into()).without_waiting();
    let app = plan.start().await;
    for service in ["", SERVICE] {
        assert_eq!(app.health().check(service).await, Ok(NOT_SERVING));
    }
    // A SQLite file that cannot be made is at first only a schema that is missing.
    eventually("the database is missed", async || {
        app.readiness().await == (503, "database".to_owned())
    })
    .await;
    assert!(app.is_live().await);
    let fault = Fault::from(app.grpc().login(&email(), PASSWORD).await);
    assert_eq!(fault.meaning(), (Code::Unavailable, "UNAVAILABLE"));
    assert_eq!(fault.retry_after, Some(Duration::from_secs(1)));
    assert_eq!(app.rest().get("/").await.status, 200);

    absent.bring();
    let start = Instant::now();
    app.health().await_serving(SERVICE).await;
    assert_eq!(app.readiness().await, (200, "ready".to_owned()));
    app.grpc().registered().await;
    figure(
        "W7",
        format_args!("ready {:?} after its database", start.elapsed()),
    );
}

/// (W51) What waits for somebody to run `vestibule migrate up` drains like any other, and serves as
/// soon as it was done.
async fn pending_migrations_are_named_and_waited_for(database: Database) {
    let store = Store::empty(database).await;
    if let Target::Sqlite(file) = &store.target {
        fs::write(file, "").unwrap();
    }
    let waiting = |plan: Plan| {
        let plan = plan.settings(|settings| settings.server.migrate_on_start = false);
        plan.without_waiting().start()
    };
    let app = waiting(Plan::over(store.into())).await;
    eventually("the migrations are missed", async || {
        app.readiness().await == (503, "migrations".to_owned())
    })
    .await;
    assert_eq!(app.health().check("").await, Ok(NOT_SERVING));
    assert!(app.is_live().await);
    eventually("they are named", async || {
        let lines = captured_lines("m20261123_000002_create_sessions");
        lines
            .iter()
            .any(|line| line.contains("vestibule migrate up"))
    })
    .await;

    let plan = within(Duration::from_secs(10), "the drain", app.stop_and_plan()).await;
    let app = waiting(plan).await;
    app.db.migrate().await.unwrap();
    app.health().await_serving("").await;
    app.grpc().registered().await;
}
