//! How long events are kept, and the addresses in them.

use chrono::TimeDelta;
use vestibule::{domain::Clock, domain::EventKind};

use super::{at_noon, event, noon, seed};
use crate::harness::{Database, eventually, number};

on_both_databases!(
    events_and_their_addresses_are_kept_as_long_as_configured,
    a_step_that_fails_keeps_nothing_else_from_being_purged,
);

/// The tokens' table is not there; they are purged before events.
async fn a_step_that_fails_keeps_nothing_else_from_being_purged(database: Database) {
    let (app, _) = at_noon(database).await;
    let at = noon() - TimeDelta::days(401);
    seed(&app, vec![event(at, 0, None, EventKind::LoginFailed)]).await;
    let plan = app.stop_and_plan().await;
    let clock = Clock::manual(noon());
    let plan = plan.hooks(|hooks| hooks.clock = Some(clock));
    let hide = "ALTER TABLE one_time_tokens RENAME TO hidden";
    plan.store.execute(hide).await;
    let app = plan.start().await;
    let sql = app.sql().await;
    let old = format!(
        "SELECT COUNT(*) FROM events WHERE at = {}",
        at.timestamp_micros()
    );
    eventually("the old event is gone", async || {
        number(&sql, &old).await == 0
    })
    .await;
}

/// More than are purged at once, of each.
const MANY: u32 = 250;

async fn events_and_their_addresses_are_kept_as_long_as_configured(database: Database) {
    let (app, _) = at_noon(database).await;
    let old = |days, n| {
        let at = noon() - TimeDelta::days(days);
        event(at, n, None, EventKind::LoginFailed)
    };
    let mut events: Vec<_> = (0..MANY).flat_map(|n| [old(401, n), old(91, n)]).collect();
    events.extend([old(399, 0), old(89, 0), old(0, 0)]);
    seed(&app, events).await;

    let plan = app.stop_and_plan().await;
    let clock = Clock::manual(noon());
    let app = plan.hooks(|hooks| hooks.clock = Some(clock)).start().await;
    let sql = app.sql().await;
    let kept = i64::from(MANY) + 3;
    eventually("old events are gone, and old addresses", async || {
        let with_client =
            "SELECT COUNT(*) FROM events WHERE ip IS NOT NULL OR user_agent IS NOT NULL";
        number(&sql, "SELECT COUNT(*) FROM events").await == kept
            && number(&sql, with_client).await == 2
    })
    .await;
    let whole = "SELECT COUNT(*) FROM events WHERE ip = '192.0.2.1' AND user_agent = 'curl/8.0'";
    assert_eq!(number(&sql, whole).await, 2);
}
