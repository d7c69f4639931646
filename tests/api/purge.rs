//! The purge: it deletes what ended long ago and nothing else, and nobody has to wait for it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sea_orm::ConnectionTrait;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use vestibule::{domain::Clock, proto::v1::SessionStatus};

use crate::harness::{
    Client, Database, PASSWORD, Plan, Postgres, Server, Store, eventually, figure, number, scale,
    within,
};

on_both_databases!(
    two_replicas_purge_each_ended_session_once_and_no_other,
    a_batch_is_no_larger_than_it_is_told,
);

/// At the scorecard's size it takes a while, on purpose.
const LIMIT: Duration = Duration::from_mins(30);
const PURGED: &str = "vestibule_sessions_purged_total";

/// Adds sessions to the only user, half of them expired and half of them revoked in 1970.
async fn add_ended(store: &Store, database: Database, count: usize) {
    let (id, hash) = match database {
        Database::Sqlite => ("randomblob(16)", "zeroblob(32)"),
        Database::Postgres => ("gen_random_uuid()", "decode(repeat('00', 32), 'hex')"),
    };
    let insert = format!(
        "INSERT INTO sessions (id, user_id, secret_hash, epoch, created_at, authenticated_at, \
         last_seen_at, expires_at, revoked_at) \
         WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count}) \
         SELECT {id}, users.id, {hash}, 0, 1, 1, 1, \
         CASE WHEN n % 2 = 0 THEN n ELSE 9000000000000000 END, \
         CASE WHEN n % 2 = 0 THEN NULL ELSE n END FROM numbers, users"
    );
    store.execute(&insert).await;
}

async fn open(app: &Server, email: &str) -> String {
    let opened = app.grpc().open(email, PASSWORD).await;
    opened.unwrap().session_token
}

/// Checks a live session at a steady pace and notes how long each answer took.
async fn check(client: Client, token: String, goes_on: impl Fn(usize) -> bool) -> Vec<Duration> {
    let mut times = Vec::new();
    while goes_on(times.len()) {
        let start = Instant::now();
        assert_eq!(client.verdict(&token).await, SessionStatus::Active);
        times.push(start.elapsed());
        // So that the figure is the latency of a service in use, not of one that is saturated.
        sleep(Duration::from_millis(5)).await;
    }
    times
}

async fn check_with_four(
    app: &Server,
    token: &str,
    goes_on: impl Fn(usize) -> bool + Clone + Send + 'static,
) -> Vec<Duration> {
    let checks: JoinSet<_> = (0..4)
        .map(|_| check(app.another_grpc(), token.to_owned(), goes_on.clone()))
        .collect();
    let mut times: Vec<_> = checks.join_all().await.into_iter().flatten().collect();
    times.sort();
    times
}

fn p99(sorted: &[Duration]) -> Duration {
    sorted[sorted.len() * 99 / 100]
}

async fn purged_by(replicas: &[Server]) -> u64 {
    let mut sum = 0;
    for replica in replicas {
        sum += replica.scrape().await.value(PURGED, &[]);
    }
    sum
}

/// (Z7) 2,000 sessions that ended long ago in CI, 1,000,000 for the scorecard, between live ones that
/// are checked and opened all the while. The third replica, which is asked, is none of the two.
async fn two_replicas_purge_each_ended_session_once_and_no_other(database: Database) {
    let store = Arc::new(Store::new(database).await);
    let app = Plan::over(Arc::clone(&store)).start().await;
    let user = app.grpc().registered().await;
    let live = open(&app, &user.email).await;
    let ended_lately = open(&app, &user.email).await;
    app.grpc().revoke(&ended_lately).await.unwrap();
    let count = scale(2_000, 1_000_000);
    add_ended(&store, database, count).await;

    let mut replicas = Vec::new();
    for _ in 0..2 {
        replicas.push(Plan::over(Arc::clone(&store)).start().await);
    }
    let is_over = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&is_over);
    let goes_on = move |_: usize| !seen.load(Ordering::Relaxed);
    let start = Instant::now();
    let (during, opened) = tokio::join!(check_with_four(&app, &live, goes_on), async {
        let mut opened = Vec::new();
        while purged_by(&replicas).await < count as u64 {
            assert!(start.elapsed() < LIMIT, "the purge does not end");
            // With the live one no more than a user may have: one more would end it.
            if opened.len() < 99 {
                opened.push(open(&app, &user.email).await);
            }
            // Or the checks would be measured beside a loop that reads metrics all the time.
            sleep(Duration::from_millis(50)).await;
        }
        is_over.store(true, Ordering::Relaxed);
        opened
    });
    let took = start.elapsed();
    // Beside the same replicas, which have nothing to do any more.
    let rounds = scale(50, 5_000);
    let after = check_with_four(&app, &live, move |done| done < rounds).await;
    figure(
        "Z7",
        format_args!(
            "{count} purged in {took:?} on {database:?}; p99 of {} checks {:?}, afterwards {:?}",
            during.len(),
            p99(&during),
            p99(&after)
        ),
    );

    for token in &opened {
        assert_eq!(app.grpc().verdict(token).await, SessionStatus::Active);
    }
    let verdict = app.grpc().verdict(&ended_lately).await;
    assert_eq!(verdict, SessionStatus::Revoked, "its time has not come");
    assert_eq!(store.rows("sessions").await, 2 + opened.len());
    assert_eq!(purged_by(&replicas).await, count as u64);
}

async fn purge(app: &Server, batch: u64) -> Option<u64> {
    let deadline = Instant::now() + Duration::from_mins(1);
    let now = Clock::system().now();
    let purged = app.db.purge_sessions(now, batch, deadline);
    within(LIMIT, "the purge waits for nobody", purged)
        .await
        .unwrap()
}

/// Those that expired come first.
async fn a_batch_is_no_larger_than_it_is_told(database: Database) {
    let app = Server::start(database).await;
    app.grpc().registered().await;
    add_ended(&app.store, database, 10).await;
    let sql = app.sql().await;
    for (left, revoked) in [(7, 5), (4, 4), (1, 1), (0, 0)] {
        let purged = purge(&app, 3).await;
        assert_eq!(purged, Some(if left == 0 { 1 } else { 3 }));
        let of = async |which: &str| {
            number(
                &sql,
                &format!("SELECT COUNT(*) FROM sessions WHERE {which}"),
            )
            .await
        };
        assert_eq!(of("1 = 1").await, left);
        assert_eq!(of("revoked_at IS NOT NULL").await, revoked);
    }
    assert_eq!(purge(&app, 3).await, Some(0));
}

/// (Z7) Postgres alone has locks of rows, and of what is no row.
#[tokio::test(flavor = "multi_thread")]
async fn the_purge_leaves_to_others_what_they_hold() {
    if !Postgres::is_here() {
        return;
    }
    let app = Server::start(Database::Postgres).await;
    app.grpc().registered().await;
    add_ended(&app.store, Database::Postgres, 10).await;
    let other = app.sql().await;
    for (held, purged) in [
        ("SELECT pg_advisory_xact_lock(7205)", None),
        (
            "SELECT id FROM sessions WHERE expires_at = 2 FOR UPDATE",
            Some(9),
        ),
    ] {
        other.execute_unprepared("BEGIN").await.unwrap();
        other.execute_unprepared(held).await.unwrap();
        assert_eq!(purge(&app, 100).await, purged);
        other.execute_unprepared("ROLLBACK").await.unwrap();
    }
    assert_eq!(purge(&app, 100).await, Some(1));
}

/// (Z7) Another process may write to the file for as long as it pleases: the purge waits, and comes
/// again.
#[tokio::test(flavor = "multi_thread")]
async fn the_purge_waits_for_another_process_that_writes() {
    let app = Server::start(Database::Sqlite).await;
    app.grpc().registered().await;
    add_ended(&app.store, Database::Sqlite, 10).await;
    let other = app.sql().await;
    other.execute_unprepared("BEGIN IMMEDIATE").await.unwrap();
    let (purged, ()) = tokio::join!(purge(&app, 100), async {
        let writer = [
            ("db_client_connection_pool_name", "writer"),
            ("db_client_connection_state", "used"),
        ];
        eventually("the purge has the writer", async || {
            app.scrape()
                .await
                .value("vestibule_db_connections", &writer)
                == 1
        })
        .await;
        other.execute_unprepared("ROLLBACK").await.unwrap();
    });
    assert_eq!(purged, Some(10));
}
