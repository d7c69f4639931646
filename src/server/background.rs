//! The tasks that run beside the calls from start to drain: they prepare the schema, probe the
//! database every second, write outcomes of logins and last-seen times of sessions, refresh the
//! decoys, and purge rows whose retention is over.

use std::time::Duration;

use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{
    readiness::{Check, Readiness, ReadinessReporter},
    ticks::ticks,
};
use crate::{
    auth::{Auth, AuthError},
    db::{Db, DbError, SchemaState},
    domain::Clock,
    telemetry::chain,
};

const FIRST_BACK_OFF: Duration = Duration::from_millis(100);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(5);
const PROBE_INTERVAL: Duration = Duration::from_secs(1);
/// Probes that fail in a row before the service is not ready: a single lost probe does not count.
const FAILED_PROBES: u32 = 2;
/// How long outcomes of logins are only in memory, and so how much of them a crash loses.
const OUTCOMES_INTERVAL: Duration = Duration::from_secs(2);
/// How long writing the rows of one interval may take.
const OUTCOMES_LIMIT: Duration = Duration::from_mins(1);
const PURGE_INTERVAL: Duration = Duration::from_hours(1);
const DECOYS_INTERVAL: Duration = Duration::from_mins(1);

/// Runs until it is dropped.
pub(super) async fn run(
    db: Db,
    auth: Auth,
    clock: Clock,
    migrate_on_start: bool,
    reporter: ReadinessReporter,
) {
    prepare_schema(&db, &auth, migrate_on_start, &reporter).await;
    // Separate tasks, so that a panic in one does not end the probes.
    let mut tasks = JoinSet::new();
    tasks.spawn(write_outcomes(auth.clone()));
    tasks.spawn(maintain_sessions(auth.clone()));
    tasks.spawn(purge(auth.clone()));
    tasks.spawn(refresh_decoys(auth));
    probe(&db, &clock, &reporter).await;
}

/// Returns once this binary can serve on the schema, however long that takes.
async fn prepare_schema(
    db: &Db,
    auth: &Auth,
    migrate_on_start: bool,
    reporter: &ReadinessReporter,
) {
    let mut back_off = FIRST_BACK_OFF;
    let mut last_problem = String::new();
    loop {
        let problem = match bring_up_to_date(db, migrate_on_start, reporter).await {
            Ok(schema) if schema.is_usable() => match prepare_logins(auth).await {
                Ok(()) => {
                    warn_of_newer_schema(&schema);
                    return;
                }
                Err(error) => format!("not ready: {}", chain(&error)),
            },
            Ok(schema) => format!(
                "not ready: migrations are missing: {}; run `vestibule migrate up`",
                schema.pending.join(", ")
            ),
            Err(error) => format!("not ready: {}", chain(&error)),
        };
        // Log a problem once, not at every try.
        if problem != last_problem {
            tracing::warn!("{problem}");
            last_problem = problem;
        }
        sleep(back_off).await;
        back_off = (back_off * 2).min(LONGEST_BACK_OFF);
    }
}

/// What the first login would otherwise have to do, and reveal by its time.
async fn prepare_logins(auth: &Auth) -> Result<(), AuthError> {
    auth.refresh_decoys().await?;
    auth.prepare_throttle().await
}

async fn bring_up_to_date(
    db: &Db,
    migrate_on_start: bool,
    reporter: &ReadinessReporter,
) -> Result<SchemaState, DbError> {
    let lost = |_: &DbError| {
        reporter.report(Readiness::Failing(Check::Database));
    };
    let schema = db.schema_state().await.inspect_err(lost)?;
    if schema.is_usable() {
        return Ok(schema);
    }
    // Reported first, because migrating may wait long for another process that migrates.
    reporter.report(Readiness::Failing(Check::Migrations));
    if migrate_on_start {
        db.migrate().await.inspect_err(lost)
    } else {
        Ok(schema)
    }
}

fn warn_of_newer_schema(schema: &SchemaState) {
    if !schema.unknown.is_empty() {
        tracing::warn!(
            unknown = schema.unknown.join(", "),
            "the database's schema is newer than this binary: serving without changing it"
        );
    }
}

async fn probe(db: &Db, clock: &Clock, reporter: &ReadinessReporter) {
    let mut ticks = ticks(PROBE_INTERVAL);
    let mut failed: u32 = 0;
    loop {
        ticks.tick().await;
        match db.probe(clock).await {
            Ok(()) => {
                failed = 0;
                if reporter.report(Readiness::Ready) {
                    tracing::info!("ready: health is SERVING");
                }
            }
            Err(error) => {
                failed = failed.saturating_add(1);
                if failed == FAILED_PROBES {
                    reporter.report(Readiness::Failing(Check::Database));
                    let cause = db.why_unreachable(PROBE_INTERVAL).await;
                    tracing::warn!("not ready: {}", chain(&cause.unwrap_or(error)));
                }
            }
        }
    }
}

async fn write_outcomes(auth: Auth) {
    let mut ticks = ticks(OUTCOMES_INTERVAL);
    let mut is_failing = false;
    loop {
        ticks.tick().await;
        if let Err(error) = auth
            .write_known_sources(Instant::now() + OUTCOMES_LIMIT)
            .await
        {
            tracing::debug!("cannot store known sources: {}", chain(&error));
        }
        match auth.write_outcomes(Instant::now() + OUTCOMES_LIMIT).await {
            Ok(()) => is_failing = false,
            // Nothing is lost yet: the outcomes stay in memory until the database is back.
            Err(error) => {
                if !is_failing {
                    tracing::warn!("cannot write outcomes of logins yet: {}", chain(&error));
                }
                is_failing = true;
            }
        }
    }
}

/// Stores when sessions were last seen, and deletes the nonces of finished rotations.
async fn maintain_sessions(auth: Auth) {
    let mut ticks = ticks(auth.last_seen_interval());
    loop {
        ticks.tick().await;
        if let Err(error) = auth.write_last_seen().await {
            tracing::warn!("cannot store when sessions were seen: {}", chain(&error));
        }
        if let Err(error) = auth.forget_nonces().await {
            tracing::warn!("cannot forget nonces of rotations: {}", chain(&error));
        }
    }
}

async fn purge(auth: Auth) {
    let mut ticks = ticks(PURGE_INTERVAL);
    loop {
        ticks.tick().await;
        match auth.purge().await {
            Ok(0) => {}
            Ok(sessions) => tracing::info!(sessions, "purged sessions that ended long ago"),
            Err(error) => {
                tracing::warn!(
                    "cannot purge rows whose retention is over: {}",
                    chain(&error)
                );
            }
        }
    }
}

async fn refresh_decoys(auth: Auth) {
    let mut ticks = ticks(DECOYS_INTERVAL);
    // The first tick is immediate, and `prepare_schema` has just refreshed them.
    ticks.tick().await;
    loop {
        ticks.tick().await;
        if let Err(error) = auth.refresh_decoys().await {
            tracing::warn!("cannot count stored hashes: {}", chain(&error));
        }
    }
}
