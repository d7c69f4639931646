//! From the first connection to the last: what callers and orchestrators are told, and that nothing
//! holds the end.

use std::{fs, time::Duration};

use futures_util::FutureExt;
use tokio::{net::TcpStream, time::Instant};
use tonic::Code;
use vestibule::{db::Target, server::Stop};

use crate::harness::{
    Database, Fault, HandlerGate, HashGate, Link, NOT_SERVING, PASSWORD, Plan, Postgres, Proxy,
    RawConnection, SERVICE_UNKNOWN, SERVING, Store, TestApp, captured_lines, email, eventually,
    figure, h2_greeting, scale, within,
};

on_both_databases!(
    health_is_told_per_service,
    a_watch_is_told_each_change,
    a_service_without_its_database_is_live_and_not_ready,
    pending_migrations_are_named_and_waited_for,
    calls_are_served_as_before_while_callers_are_told_to_leave,
    an_interrupt_drains_without_delay,
    calls_in_flight_finish_and_silent_clients_hold_nothing,
    an_open_watch_and_stuck_calls_are_cut_when_the_grace_is_over,
);

const SERVICE: &str = "vestibule.v1.AuthService";
const VALIDATE: &str = "/vestibule.v1.AuthService/ValidateSession";
/// Longer than any test: what happens meanwhile happens during it.
const FOR_EVER: Duration = Duration::from_secs(600);

/// What `/readyz` says: its status, and `ready` or the name of the failing check.
async fn readiness(app: &TestApp) -> (u16, String) {
    let reply = app.operations().get("/readyz").await;
    let body = reply.json();
    let said = body["check"].as_str().or(body["status"].as_str());
    (reply.status.as_u16(), said.unwrap().to_owned())
}

async fn is_live(app: &TestApp) -> bool {
    app.operations().get("/livez").await.status == 200
}

/// (5)
async fn health_is_told_per_service(app: TestApp) {
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
    assert_eq!(readiness(&app).await, (200, "ready".to_owned()));
}

/// (6)
async fn a_watch_is_told_each_change(database: Database) {
    let plan = TestApp::on(database).await;
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
        let told = within(Duration::from_secs(1), "the change", stream.message()).await;
        assert_eq!(told.unwrap().unwrap().status, NOT_SERVING);
    }
    figure("6", format_args!("told within {:?}", start.elapsed()));
    // Still open, with nothing more to say.
    assert!(streams[2].message().now_or_never().is_none());
}

/// A database that is not there yet.
enum Absent {
    /// Its directory cannot be made: a file has the name.
    Sqlite(std::path::PathBuf, tempfile::TempDir),
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
                (store, Self::Sqlite(name, directory))
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
            Self::Sqlite(name, _) => fs::remove_file(name).unwrap(),
            Self::Postgres(proxy) => proxy.set(Link::Up),
        }
    }
}

/// (7) From the first connection that is accepted, and ready without anybody's help afterwards.
async fn a_service_without_its_database_is_live_and_not_ready(database: Database) {
    let (store, absent) = Absent::of(database).await;
    let plan = Plan::over(store.into()).without_waiting();
    let app = plan.start().await;
    for service in ["", SERVICE] {
        assert_eq!(app.health().check(service).await, Ok(NOT_SERVING));
    }
    assert_eq!(readiness(&app).await, (503, "database".to_owned()));
    assert!(is_live(&app).await);
    let fault = Fault::from(app.grpc().login(&email(), PASSWORD).await);
    assert_eq!(fault.meaning(), (Code::Unavailable, "UNAVAILABLE"));
    assert_eq!(fault.retry_after, Some(Duration::from_secs(1)));
    assert_eq!(app.rest().get("/").await.status, 200);

    absent.bring();
    let start = Instant::now();
    app.health().await_serving(SERVICE).await;
    assert_eq!(readiness(&app).await, (200, "ready".to_owned()));
    app.grpc().registered().await;
    figure(
        "7",
        format_args!("ready {:?} after its database", start.elapsed()),
    );
}

/// (51) What waits for somebody to run `vestibule migrate up` drains like any other, and serves as
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
        readiness(&app).await == (503, "migrations".to_owned())
    })
    .await;
    assert_eq!(app.health().check("").await, Ok(NOT_SERVING));
    assert!(is_live(&app).await);
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

/// (X8) (41) By both protocols, on old connections and new ones.
async fn calls_are_served_as_before_while_callers_are_told_to_leave(database: Database) {
    let plan = TestApp::on(database).await;
    let mut app = plan
        .settings(|settings| settings.server.drain_delay = FOR_EVER)
        .start()
        .await;
    let user = app.grpc().registered().await;
    app.ask_to_stop(Stop::Terminate);
    app.health().await_status("", NOT_SERVING).await;
    assert_eq!(app.health().check(SERVICE).await, Ok(NOT_SERVING));
    assert_eq!(readiness(&app).await, (503, "draining".to_owned()));
    assert!(is_live(&app).await);
    for client in [app.grpc(), app.another_grpc()] {
        assert!(client.is_valid(&user.email, PASSWORD).await);
        client.registered().await;
    }
    let reply = app.rest().register(&email(), PASSWORD).await;
    assert_eq!(reply.status, 201);
}

/// Somebody at the keyboard waits.
async fn an_interrupt_drains_without_delay(database: Database) {
    let plan = TestApp::on(database).await;
    let app = plan
        .settings(|settings| settings.server.drain_delay = FOR_EVER)
        .start()
        .await;
    app.grpc().registered().await;
    let ended = app.stop(Stop::Interrupt);
    within(Duration::from_secs(10), "the end", ended).await;
}

/// (X8) 40 calls and 10 silent clients in CI, 100 calls for the scorecard; the listeners are closed
/// while the calls finish, and probes are answered.
async fn calls_in_flight_finish_and_silent_clients_hold_nothing(database: Database) {
    let (delay, grace) = (Duration::from_millis(200), Duration::from_secs(10));
    let gate = HandlerGate::before(VALIDATE).and("GET /users/me");
    let plan = TestApp::on(database).await.handler_gate(&gate);
    let mut app = plan
        .settings(|settings| {
            settings.server.drain_delay = delay;
            settings.server.grace = grace;
        })
        .start()
        .await;
    let user = app.grpc().registered().await;
    let token = app
        .grpc()
        .open(&user.email, PASSWORD)
        .await
        .unwrap()
        .session_token;
    let count = scale(40, 100);
    let calls: Vec<_> = (0..count)
        .map(|n| {
            let client = if n % 2 == 0 {
                app.grpc()
            } else {
                app.another_grpc()
            };
            let token = token.clone();
            tokio::spawn(async move { client.validate(&token).await })
        })
        .collect();
    let rest = tokio::spawn({
        let (rest, token) = (app.rest(), token.clone());
        async move { rest.get_as(&token, "/users/me").await }
    });
    gate.await_arrived(VALIDATE, count).await;
    gate.await_arrived("GET /users/me", 1).await;
    let silent = silent_clients(&app).await;
    let mut watch = app.health().watch("").await;

    let start = Instant::now();
    app.ask_to_stop(Stop::Terminate);
    while watch.message().await.unwrap().is_some() {}
    for address in [app.grpc_address, app.rest_address] {
        eventually("the listener closes", async || {
            TcpStream::connect(address).await.is_err()
        })
        .await;
    }
    assert!(is_live(&app).await);
    assert_eq!(readiness(&app).await, (503, "draining".to_owned()));
    gate.open();
    for call in calls {
        assert!(call.await.unwrap().unwrap().session.is_some());
    }
    assert_eq!(rest.await.unwrap().status, 200);
    app.ended().await;
    let took = start.elapsed();
    assert!(took <= delay + grace + Duration::from_secs(2), "{took:?}");
    for mut connection in silent {
        connection.read_to_end().await;
    }
    figure(
        "X8",
        format_args!("{count} in flight, 0 failed, ended in {took:?}"),
    );
}

/// Clients that never say anything, or never anything whole.
async fn silent_clients(app: &TestApp) -> Vec<RawConnection> {
    let mut silent = Vec::new();
    for _ in 0..3 {
        silent.push(app.raw_grpc().await);
        silent.push(app.raw_rest().await);
    }
    for (bytes, is_grpc) in [
        (b"PRI * HTTP/2.0\r\n".to_vec(), true),
        (h2_greeting(), true),
        (b"GET / HTTP/1.1\r\nHost:".to_vec(), false),
    ] {
        let mut connection = if is_grpc {
            app.raw_grpc().await
        } else {
            app.raw_rest().await
        };
        connection.write(&bytes).await;
        silent.push(connection);
    }
    silent
}

/// (42) Stuck in a handler, in REST and in the hashing thread.
async fn an_open_watch_and_stuck_calls_are_cut_when_the_grace_is_over(database: Database) {
    let (delay, grace) = (Duration::from_millis(200), Duration::from_millis(500));
    let gate = HandlerGate::before(VALIDATE).and("GET /");
    let hashes = HashGate::opened();
    let plan = TestApp::on(database)
        .await
        .handler_gate(&gate)
        .hash_gate(&hashes);
    let mut app = plan
        .settings(|settings| {
            settings.server.drain_delay = delay;
            settings.server.grace = grace;
        })
        .start()
        .await;
    let user = app.grpc().registered().await;
    hashes.close();
    let client = app.grpc();
    let call = tokio::spawn(async move { client.validate("a token").await });
    let client = app.grpc();
    let login = tokio::spawn(async move { client.open(&user.email, PASSWORD).await });
    let rest = app.rest();
    let welcome = tokio::spawn(async move { rest.get("/").await });
    gate.await_arrived(VALIDATE, 1).await;
    gate.await_arrived("GET /", 1).await;
    hashes.await_held(1).await;
    let mut watch = app.health().watch("").await;

    let start = Instant::now();
    app.ask_to_stop(Stop::Terminate);
    app.ended().await;
    let took = start.elapsed();
    assert!(took <= delay + grace + Duration::from_secs(2), "{took:?}");
    while watch.message().await.unwrap().is_some() {}
    let stuck = [
        Fault::from(call.await.unwrap()),
        Fault::from(login.await.unwrap()),
    ];
    for fault in stuck {
        assert_eq!(fault.meaning(), (Code::Unavailable, "UNAVAILABLE"));
    }
    assert_eq!(welcome.await.unwrap().reason(), "UNAVAILABLE");
    figure("42", format_args!("ended in {took:?}"));
}
