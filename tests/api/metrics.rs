//! The values of `/metrics` follow the calls.

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt, future::join_all};
use sea_orm::ConnectionTrait;
use tokio::time::Instant;
use uuid::Uuid;
use vestibule::{
    db::{Db, DbSettings},
    domain::{Clock, SessionId},
    hashing::default_workers,
};

use crate::harness::{
    Database, HashGate, PASSWORD, Plan, Postgres, Scrape, Server, ServerProcess, Store, email,
    eventually,
};

on_both_databases!(
    calls_are_counted_by_method_and_code,
    the_queue_is_seen_while_it_is_full,
    a_call_that_waits_for_a_connection_is_counted,
    purged_sessions_are_counted,
    a_server_without_a_schema_is_not_ready,
);

const RPCS: &str = "rpc_server_call_duration_seconds_count";
const REQUESTS: &str = "http_server_request_duration_seconds_count";

/// Nothing here takes that long.
const LIMIT: Duration = Duration::from_mins(1);

async fn calls_are_counted_by_method_and_code(app: Server) {
    let user = app.grpc().registered().await;
    app.grpc()
        .register(&user.email, PASSWORD)
        .await
        .unwrap_err();
    for _ in 0..3 {
        assert!(app.grpc().is_valid(&user.email, PASSWORD).await);
    }
    assert!(!app.grpc().is_valid(&user.email, "wrong").await);
    app.grpc().open(&user.email, "wrong").await.unwrap_err();
    let opened = app.grpc().open(&user.email, PASSWORD).await.unwrap();
    let rest = app.rest();
    assert_eq!(rest.get("/").await.status, 200);
    assert_eq!(rest.register(&email(), PASSWORD).await.status, 201);
    assert_eq!(rest.register(&user.email, PASSWORD).await.status, 409);
    let own = rest.get_as(&opened.session_token, "/users/me").await;
    assert_eq!(own.status, 200);
    assert_eq!(rest.get("/users/me").await.status, 401);
    assert_eq!(rest.get("/nowhere").await.status, 404);

    let seen = app.scrape().await;
    for (method, code, count) in [
        ("RegisterUser", "OK", 1),
        ("RegisterUser", "ALREADY_EXISTS", 1),
        ("ValidLogin", "OK", 4),
        ("CreateSession", "OK", 1),
        ("CreateSession", "UNAUTHENTICATED", 1),
        ("ValidateSession", "OK", 0),
    ] {
        let method = format!("vestibule.v1.AuthService/{method}");
        let labels = [("rpc_method", method.as_str()), ("rpc_status_code", code)];
        assert_eq!(seen.value(RPCS, &labels), count, "{method} {code}");
    }
    for (method, route, status, count) in [
        ("GET", "/", "200", 1),
        ("POST", "/users", "201", 1),
        ("POST", "/users", "409", 1),
        ("GET", "/users/{id}", "200", 1),
        ("GET", "/users/{id}", "401", 1),
        ("GET", "_OTHER", "404", 1),
    ] {
        let labels = [
            ("http_request_method", method),
            ("http_route", route),
            ("http_response_status_code", status),
        ];
        assert_eq!(seen.value(REQUESTS, &labels), count, "{method} {route}");
    }
    // 4 registrations and 6 logins.
    assert_eq!(seen.value("vestibule_hash_duration_seconds_count", &[]), 10);
    assert_eq!(
        seen.value("vestibule_hash_wait_duration_seconds_count", &[]),
        10
    );
    assert_eq!(seen.value("vestibule_ready", &[]), 1);
}

/// (X9) At most the workers hash and at most the queue waits; the rest is counted as refused.
async fn the_queue_is_seen_while_it_is_full(database: Database) {
    let gate = HashGate::opened();
    let plan = Server::on(database).await.unthrottled().hash_gate(&gate);
    let plan = plan.settings(|settings| {
        settings.hashing.queue = 3;
        settings.server.request_timeout = LIMIT;
    });
    let app = plan.start().await;
    let user = app.grpc().registered().await;
    gate.close();
    let logins = || {
        let (client, email) = (app.grpc(), user.email.clone());
        tokio::spawn(async move { client.is_valid(&email, PASSWORD).await })
    };
    let mut admitted: Vec<_> = (0..2).map(|_| logins()).collect();
    gate.await_held(2).await;
    admitted.extend((0..3).map(|_| logins()));
    eventually("the queue is full", async || {
        app.scrape().await.value("vestibule_hash_queue_length", &[]) == 3
    })
    .await;
    for _ in 0..4 {
        app.grpc().login(&user.email, PASSWORD).await.unwrap_err();
    }

    let seen = app.scrape().await;
    let queue_full = [("cause", "queue_full")];
    for (name, labels, value) in [
        ("vestibule_hash_running", &[][..], 2),
        ("vestibule_hash_workers", &[], 2),
        ("vestibule_hash_queue_length", &[], 3),
        ("vestibule_hash_queue_limit", &[], 3),
        ("vestibule_hash_refused_total", &[], 4),
        ("vestibule_hash_refused_total", &queue_full, 4),
        ("vestibule_hash_memory_bytes", &[], 2 * 64 * 1024),
    ] {
        assert_eq!(seen.value(name, labels), value, "{name}");
    }

    gate.open();
    for login in admitted {
        assert!(login.await.unwrap());
    }
    let seen = app.scrape().await;
    assert_eq!(seen.value("vestibule_hash_queue_length", &[]), 0);
    assert_eq!(seen.value("vestibule_hash_running", &[]), 0);
    assert_eq!(
        seen.value("vestibule_hash_wait_duration_seconds_count", &[]),
        6
    );
}

/// One connection, whose call is held by another process: the next call waits for it.
async fn a_call_that_waits_for_a_connection_is_counted(database: Database) {
    let (pool, lock) = match database {
        Database::Sqlite => ("writer", "BEGIN IMMEDIATE"),
        Database::Postgres => ("shared", "BEGIN; LOCK TABLE users"),
    };
    let plan = Server::on(database).await;
    let plan = plan.settings(|settings| {
        settings.db.max_connections = 1;
        // No call gives up while the lock is held.
        settings.db.acquire_timeout = LIMIT;
        settings.db.statement_timeout = LIMIT;
        settings.server.request_timeout = LIMIT;
    });
    let app = plan.start().await;
    let user = app.grpc().registered().await;
    let sql = app.sql().await;
    sql.execute_unprepared(lock).await.unwrap();
    let opening = || {
        let (client, email) = (app.grpc(), user.email.clone());
        tokio::spawn(async move { client.open(&email, PASSWORD).await })
    };
    let calls = [opening(), opening()];
    let metrics = async || {
        let seen = app.scrape().await;
        let pool = ("db_client_connection_pool_name", pool);
        let state = ("db_client_connection_state", "used");
        (
            seen.value("db_client_connection_max", &[pool]),
            seen.value("vestibule_db_connections", &[pool, state]),
            seen.value("db_client_connection_pending_requests", &[pool]),
        )
    };
    eventually("one call has the connection, one waits", async || {
        // The purge of the start may wait as well.
        matches!(metrics().await, (1, 1, 1..))
    })
    .await;
    sql.execute_unprepared("ROLLBACK").await.unwrap();
    for call in calls {
        // On SQLite the lock may have been held for longer than its busy time-out.
        drop(call.await.unwrap());
    }
    eventually("nobody waits", async || metrics().await.2 == 0).await;
}

/// Twenty lookups that one statement answers wait for no connection. On one thread, or a second
/// statement could begin with some of them.
#[tokio::test]
async fn lookups_that_share_a_statement_are_one_caller_of_the_pool() {
    if !Postgres::is_here() {
        return;
    }
    let store = Store::new(Database::Postgres).await;
    // Without a server, whose purge would be one more caller.
    let db = Db::open(&DbSettings {
        statement_timeout: LIMIT,
        ..store.settings()
    })
    .unwrap();
    let sql = store.sql().await;
    sql.execute_unprepared("BEGIN; LOCK TABLE users")
        .await
        .unwrap();
    let deadline = Instant::now() + LIMIT;
    let ids = (0..20).map(|number| SessionId::new(Uuid::from_u128(number)));
    let mut found = join_all(ids.map(|id| db.find_session(id, deadline)));
    assert!((&mut found).now_or_never().is_none(), "all are asked");
    eventually("the statement is under way", async || {
        let pool = db.metrics().pools[0];
        (pool.used, pool.waiting) == (1, 0)
    })
    .await;
    sql.execute_unprepared("ROLLBACK").await.unwrap();
    assert!(
        found
            .await
            .into_iter()
            .all(|found| found.unwrap().is_none())
    );
}

async fn purged_sessions_are_counted(app: Server) {
    let user = app.grpc().registered().await;
    for _ in 0..2 {
        app.grpc().open(&user.email, PASSWORD).await.unwrap();
    }
    let ended_before = Clock::system().now() + Duration::from_hours(365 * 24);
    let deadline = Instant::now() + Duration::from_mins(1);
    let purged = app.db.purge_sessions(ended_before, 500, deadline).await;
    assert_eq!(purged.unwrap(), Some(2));
    let seen = app.scrape().await;
    assert_eq!(seen.value("vestibule_sessions_purged_total", &[]), 2);
}

async fn a_server_without_a_schema_is_not_ready(database: Database) {
    let store = Arc::new(Store::empty(database).await);
    let plan = Plan::over(store).without_waiting();
    let plan = plan.settings(|settings| settings.server.migrate_on_start = false);
    let seen = plan.start().await.scrape().await;
    assert_eq!(seen.value("vestibule_ready", &[]), 0);
}

/// Memory = workers × m + base, in the log of the start and in the metrics.
#[tokio::test(flavor = "multi_thread")]
async fn the_memory_bound_is_logged_at_start_and_scraped() {
    let store = Store::new(Database::Sqlite).await;
    let service = ServerProcess::start(&store, &["--hashing-memory-kib", "20480"], &[]);
    service.await_ready().await;
    let reply = service.operations().get("/metrics").await;
    let seen = Scrape::parse(reply.text());
    let workers = default_workers(20_480);
    let most = workers * 20 + 208;
    let bound = seen.value("vestibule_memory_bound_bytes", &[]);
    let connections = seen.value("vestibule_connections_limit", &[]);
    assert_eq!(bound, (most as u64 * 1024 + connections * 20) * 1024);
    let resident = seen.value("process_memory_usage_bytes", &[]);
    assert!((1..bound).contains(&resident), "{resident}");
    let build = [("version", env!("CARGO_PKG_VERSION"))];
    assert_eq!(seen.value("vestibule_build_info", &build), 1);

    service.signal("TERM").await;
    let finished = service.finish().await;
    let line = format!("memory: {workers} workers × 20480 KiB + 208 MiB = {most} MiB at most");
    assert_eq!(finished.lines_with(&line), 1, "{}", finished.output);
    let source = "tells no address has no source";
    assert_eq!(finished.lines_with(source), 1, "{}", finished.output);
}
