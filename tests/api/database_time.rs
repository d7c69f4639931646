//! On Postgres all replicas judge by the database's clock, and tell when their machine's is another.
//! A database whose clock is off is one where a `clock_timestamp` of the test comes before its own.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use vestibule::{domain::Clock, proto::v1::SessionStatus};

use crate::harness::{Database, Plan, Postgres, Scrape, Server, ServerProcess, Store, eventually};

const DIFFERENCE: &str = "vestibule_db_clock_difference_seconds ";

/// Moves the clock of the database, for those who connect after the first move.
async fn shift_clock(store: &Store, by: TimeDelta) {
    let statement = format!(
        "CREATE SCHEMA IF NOT EXISTS shifted; \
         CREATE OR REPLACE FUNCTION shifted.clock_timestamp() RETURNS timestamptz \
         LANGUAGE sql VOLATILE AS \
         $$SELECT pg_catalog.clock_timestamp() + interval '{} milliseconds'$$; \
         DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = \
         shifted, pg_catalog, public', current_database()); END$$",
        by.num_milliseconds()
    );
    store.execute(&statement).await;
}

async fn shifted(by: TimeDelta) -> Arc<Store> {
    let store = Arc::new(Store::new(Database::Postgres).await);
    shift_clock(&store, by).await;
    store
}

/// By how many seconds the database is ahead, as `/metrics` tells it.
fn difference(metrics: &Scrape) -> f64 {
    let mut lines = metrics.text.lines();
    let told = lines.find_map(|line| line.strip_prefix(DIFFERENCE));
    told.unwrap().parse().unwrap()
}

async fn await_difference(app: &Server, seconds: f64) {
    eventually("the database's clock is followed", async || {
        (difference(&app.scrape().await) - seconds).abs() < 0.5
    })
    .await;
}

/// How far ahead of this machine's clock a user is said to have been registered.
async fn lead(app: &Server) -> TimeDelta {
    let user = app.grpc().registered().await;
    let micros = "SELECT created_at::text AS text FROM users ORDER BY id DESC LIMIT 1";
    let created: i64 = app.store.texts(micros).await[0].parse().unwrap();
    assert_eq!(user.created_at.unwrap().seconds, created / 1_000_000);
    TimeDelta::microseconds(created - Clock::system().now().timestamp_micros())
}

/// Ten minutes ahead and behind: instants are the database's, and both replicas end a session of an
/// hour when the database says so. (security.md, "Time")
#[tokio::test(flavor = "multi_thread")]
async fn replicas_judge_by_the_databases_clock() {
    if !Postgres::is_here() {
        return;
    }
    for minutes in [10, -10] {
        let off = TimeDelta::minutes(minutes);
        let store = shifted(off).await;
        let plan = || {
            Plan::over(Arc::clone(&store))
                .settings(|settings| {
                    settings.auth.session_limits.lifetime = Duration::from_hours(1);
                    settings.auth.session_limits.idle = Duration::from_hours(1);
                })
                .start()
        };
        let (one, other) = (plan().await, plan().await);
        for app in [&one, &other] {
            await_difference(app, off.as_seconds_f64()).await;
            let wrong = (lead(app).await - off).abs();
            assert!(wrong < TimeDelta::seconds(2), "{wrong}");
        }
        let token = one.owner().await.token;
        let later = off + TimeDelta::minutes(61);
        shift_clock(&store, later).await;
        for app in [&one, &other] {
            await_difference(app, later.as_seconds_f64()).await;
            assert_eq!(app.grpc().verdict(&token).await, SessionStatus::Expired);
        }
    }
}

/// A second is the limit: half of one is a figure and no more, five are one line however often they
/// are found, and one more when they are gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_difference_is_told_once_and_counted() {
    if !Postgres::is_here() {
        return;
    }
    let store = shifted(TimeDelta::milliseconds(500)).await;
    let service = ServerProcess::start(&store, &[], &[]);
    service.await_ready().await;
    let scrape = async || Scrape::parse(service.operations().get("/metrics").await.text());
    let counted = |metrics: &Scrape| metrics.value("vestibule_db_clock_differences_total", &[]);
    eventually("half a second is told", async || {
        (difference(&scrape().await) - 0.5).abs() < 0.2
    })
    .await;
    assert_eq!(counted(&scrape().await), 0);
    shift_clock(&store, TimeDelta::seconds(-5)).await;
    eventually("it is counted", async || counted(&scrape().await) >= 3).await;
    // A probe that took long tells it less exactly.
    eventually("five seconds are told", async || {
        (difference(&scrape().await) + 5.0).abs() < 0.2
    })
    .await;
    shift_clock(&store, TimeDelta::zero()).await;
    eventually("they agree", async || {
        difference(&scrape().await).abs() < 0.2
    })
    .await;
    service.signal("TERM").await;
    let finished = service.finish().await;
    assert_eq!(finished.lines_with("differ by more than a second"), 1);
    assert_eq!(finished.lines_with("agree again"), 1);
}

/// A clock that agrees is left alone: corrections would only make it jump.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_agrees_is_not_corrected() {
    if !Postgres::is_here() {
        return;
    }
    let app = Server::start(Database::Postgres).await;
    let clock = Clock::system();
    for _ in 0..20 {
        app.db.probe(&clock).await.unwrap();
    }
    assert_eq!(clock.correction(), Some(TimeDelta::zero()));
}
