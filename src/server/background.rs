//! What runs beside the calls from start to drain: making the schema usable, asking the database
//! every second whether it is there, sending mail, writing the outcomes of logins and when sessions
//! were seen, keeping decoys like what is stored, and deleting what is past its keeping.

use std::time::Duration;

use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, interval_at, sleep},
};

use super::readiness::{Check, Readiness, Reporter};
use crate::{
    auth::Auth,
    db::{Db, DbError, SchemaState},
    domain::Clock,
    telemetry::chain,
};

const FIRST_BACK_OFF: Duration = Duration::from_millis(100);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(5);
const PROBE_INTERVAL: Duration = Duration::from_secs(1);
/// One lost probe is no lost database.
const FAILED_PROBES: u32 = 2;
/// How long outcomes of logins are in memory alone: what a crash costs.
const OUTCOMES_INTERVAL: Duration = Duration::from_secs(2);
/// How long the rows of one interval may take to be written.
const OUTCOMES_LIMIT: Duration = Duration::from_mins(1);
const PURGE_INTERVAL: Duration = Duration::from_hours(1);
const DECOYS_INTERVAL: Duration = Duration::from_mins(1);

/// Runs until it is dropped.
pub(super) async fn keep(
    db: Db,
    auth: Auth,
    clock: Clock,
    migrate_on_start: bool,
    reporter: Reporter,
) {
    make_usable(&db, &auth, migrate_on_start, &reporter).await;
    // In tasks of their own, so that nothing that goes wrong there ends the probes.
    let mut beside = JoinSet::new();
    beside.spawn(write_outcomes(auth.clone()));
    beside.spawn(keep_sessions(auth.clone()));
    beside.spawn(purge(auth.clone()));
    beside.spawn(refresh_decoys(auth));
    probe(&db, &clock, &reporter).await;
}

/// Returns once this binary can serve on the schema, however long that takes, and knows what decoys
/// must be like: the first login must not tell who exists either.
async fn make_usable(db: &Db, auth: &Auth, migrate_on_start: bool, reporter: &Reporter) {
    let mut back_off = FIRST_BACK_OFF;
    let mut told = String::new();
    loop {
        let problem = match bring_up_to_date(db, migrate_on_start, reporter).await {
            Ok(schema) if schema.is_usable() => match auth.refresh_decoys().await {
                Ok(()) => {
                    warn_of_newer(&schema);
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
        // Tries are many and their outcomes few.
        if problem != told {
            tracing::warn!("{problem}");
            told = problem;
        }
        sleep(back_off).await;
        back_off = (back_off * 2).min(LONGEST_BACK_OFF);
    }
}

async fn bring_up_to_date(
    db: &Db,
    migrate_on_start: bool,
    reporter: &Reporter,
) -> Result<SchemaState, DbError> {
    let lost = |_: &DbError| {
        reporter.report(Readiness::Failing(Check::Database));
    };
    let schema = db.schema_state().await.inspect_err(lost)?;
    if schema.is_usable() {
        return Ok(schema);
    }
    // Told before, because migrating may wait long for another process that does it.
    reporter.report(Readiness::Failing(Check::Migrations));
    if migrate_on_start {
        db.migrate().await.inspect_err(lost)
    } else {
        Ok(schema)
    }
}

fn warn_of_newer(schema: &SchemaState) {
    if !schema.unknown.is_empty() {
        tracing::warn!(
            unknown = schema.unknown.join(", "),
            "the database's schema is newer than this binary: serving without changing it"
        );
    }
}

async fn probe(db: &Db, clock: &Clock, reporter: &Reporter) {
    let mut ticks = interval(PROBE_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
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
    let mut ticks = interval(OUTCOMES_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_failing = false;
    loop {
        ticks.tick().await;
        match auth.write_outcomes(Instant::now() + OUTCOMES_LIMIT).await {
            Ok(()) => is_failing = false,
            // Nothing is lost yet: they are kept, and written when the database is back.
            Err(error) => {
                if !is_failing {
                    tracing::warn!("cannot write outcomes of logins yet: {}", chain(&error));
                }
                is_failing = true;
            }
        }
    }
}

/// Stores when sessions were seen, and forgets with what their secrets were replaced.
async fn keep_sessions(auth: Auth) {
    let mut ticks = interval(auth.last_seen_interval());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
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
    let mut ticks = interval(PURGE_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match auth.purge().await {
            Ok(0) => {}
            Ok(sessions) => tracing::info!(sessions, "purged sessions that ended long ago"),
            Err(error) => {
                tracing::warn!("cannot purge what is past its keeping: {}", chain(&error));
            }
        }
    }
}

async fn refresh_decoys(auth: Auth) {
    let mut ticks = interval_at(Instant::now() + DECOYS_INTERVAL, DECOYS_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = auth.refresh_decoys().await {
            tracing::warn!("cannot count stored hashes: {}", chain(&error));
        }
    }
}
