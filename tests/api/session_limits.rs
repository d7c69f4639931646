//! How long sessions live: limits are exact, the absolute one never moves, and lower ones hold at once.

use std::{sync::Arc, time::Duration};

use chrono::DateTime;
use vestibule::{
    domain::Clock,
    proto::v1::{Session, SessionStatus},
    server::{ApplicationSettings, Stop},
};

use crate::harness::{
    Database, Fixture, PASSWORD, Plan, Server, Store, eventually, figure, number, scale,
};

on_both_databases!(
    an_idle_session_ends_at_its_limit_to_the_second,
    a_session_that_is_seen_still_ends_at_its_absolute_limit,
    lower_limits_hold_for_live_sessions_at_once_and_higher_ones_never,
    a_clock_set_back_revives_nothing_and_ends_nothing,
    a_session_check_writes_nothing_and_the_drain_writes_when_it_was,
    when_sessions_were_seen_is_stored_in_batches,
);

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// An application whose clock a test moves.
struct Clocked {
    app: Server,
    clock: Clock,
}

impl Fixture for Clocked {
    /// The preset for stricter needs: an hour idle, a day in all.
    async fn on(database: Database) -> Self {
        let clock = Clock::manual(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let plan = Plan::on(database).await.settings(strict);
        Self::start(plan, clock).await
    }
}

fn strict(settings: &mut ApplicationSettings) {
    settings.auth.session_limits.idle = HOUR;
    settings.auth.session_limits.lifetime = DAY;
}

impl Clocked {
    async fn start(plan: Plan, clock: Clock) -> Self {
        let moved = clock.clone();
        let app = plan.hooks(|hooks| hooks.clock = Some(moved)).start().await;
        Self { app, clock }
    }

    /// Another life of the application over the same rows, after a drain.
    async fn restart(self, change: impl FnOnce(&mut ApplicationSettings)) -> Self {
        let plan = self.app.stop_and_plan().await;
        Self::start(plan.settings(strict).settings(change), self.clock).await
    }

    async fn verdict(&self, token: &str) -> SessionStatus {
        self.app.grpc().verdict(token).await
    }

    async fn session(&self, token: &str) -> Session {
        let answer = self.app.grpc().validate(token).await.unwrap();
        answer.session.unwrap()
    }

    /// The session's instant of this name as stored, in seconds.
    async fn stored(&self, token: &str, column: &str) -> i64 {
        // The bytes of the id are those behind the prefix.
        let session = vestibule::domain::SessionToken::parse(token).unwrap().id();
        stored(&self.app.store, &session.to_string(), column).await
    }
}

async fn stored(store: &Store, id: &str, column: &str) -> i64 {
    let id = id.replace('-', "");
    let text = match store.target {
        vestibule::db::Target::Sqlite(_) => "lower(hex(id))",
        vestibule::db::Target::Postgres { .. } => "replace(id::text, '-', '')",
    };
    let sql = store.sql().await;
    let question = format!("SELECT {column} / 1000000 FROM sessions WHERE {text} = '{id}'");
    number(&sql, &question).await
}

/// (Z7) A second before its limit it lives, at the limit it does not; what was seen a moment ago lives
/// on, stored or not, and after a restart as well.
async fn an_idle_session_ends_at_its_limit_to_the_second(clocked: Clocked) {
    let owner = clocked.app.owner().await;
    let never_seen = clocked.app.session_of(&owner.email).await;
    let seen_at_last = clocked.app.session_of(&owner.email).await;
    clocked.clock.advance(HOUR.saturating_sub(SECOND));
    assert_eq!(clocked.verdict(&owner.token).await, SessionStatus::Active);
    assert_eq!(clocked.verdict(&seen_at_last).await, SessionStatus::Active);
    clocked.clock.advance(SECOND);
    assert_eq!(clocked.verdict(&never_seen).await, SessionStatus::Expired);
    assert_eq!(clocked.verdict(&owner.token).await, SessionStatus::Active);
    // What was noted less than an interval ago is not noted again.
    clocked.clock.advance(Duration::from_mins(1));
    assert_eq!(clocked.verdict(&owner.token).await, SessionStatus::Active);

    let clocked = clocked.restart(|_| {}).await;
    clocked.clock.advance(HOUR.saturating_sub(SECOND));
    assert_eq!(clocked.verdict(&seen_at_last).await, SessionStatus::Expired);
    assert_eq!(clocked.verdict(&owner.token).await, SessionStatus::Active);
    clocked.clock.advance(HOUR);
    assert_eq!(clocked.verdict(&owner.token).await, SessionStatus::Expired);
    assert_eq!(clocked.verdict(&never_seen).await, SessionStatus::Expired);
}

/// (Z7) Seen twice an hour, it ends to the second, and its limit is told the same all the time.
async fn a_session_that_is_seen_still_ends_at_its_absolute_limit(clocked: Clocked) {
    let token = clocked.app.owner().await.token;
    let first = clocked.session(&token).await;
    for _ in 0..47 {
        clocked.clock.advance(HOUR / 2);
        let session = clocked.session(&token).await;
        assert_eq!(session.expires_at, first.expires_at);
        assert_eq!(session.authenticated_at, first.authenticated_at);
        let seconds = |at: Option<prost_types::Timestamp>| at.unwrap().seconds;
        assert!(seconds(session.idle_expires_at) <= seconds(session.expires_at));
    }
    clocked.clock.advance((HOUR / 2).saturating_sub(SECOND));
    assert_eq!(clocked.verdict(&token).await, SessionStatus::Active);
    clocked.clock.advance(SECOND);
    assert_eq!(clocked.verdict(&token).await, SessionStatus::Expired);
    figure("Z7", "idle and absolute limits exact at ±1 s");
}

async fn lower_limits_hold_for_live_sessions_at_once_and_higher_ones_never(clocked: Clocked) {
    let idle = clocked.app.owner().await.token;
    clocked.clock.advance(HOUR / 2);
    let clocked = clocked
        .restart(|settings| settings.auth.session_limits.idle = HOUR / 3)
        .await;
    assert_eq!(clocked.verdict(&idle).await, SessionStatus::Expired);

    let old = clocked.app.owner().await.token;
    clocked.clock.advance(HOUR / 4);
    let clocked = clocked
        .restart(|settings| settings.auth.session_limits.lifetime = HOUR / 4 + SECOND)
        .await;
    assert_eq!(clocked.verdict(&old).await, SessionStatus::Active);
    clocked.clock.advance(SECOND);
    assert_eq!(clocked.verdict(&old).await, SessionStatus::Expired);

    let short = clocked.app.owner().await.token;
    let clocked = clocked
        .restart(|settings| {
            settings.auth.session_limits.lifetime = DAY * 7;
            settings.auth.session_limits.idle = DAY * 7;
        })
        .await;
    clocked.clock.advance(HOUR / 4 + SECOND);
    assert_eq!(clocked.verdict(&short).await, SessionStatus::Expired);
}

/// (C4) An hour back: what was ended stays ended, what lived lives, no limit moves, and nothing is
/// stored ahead of the clock.
async fn a_clock_set_back_revives_nothing_and_ends_nothing(clocked: Clocked) {
    let owner = clocked.app.owner().await;
    let ended = clocked.app.session_of(&owner.email).await;
    let rotated = clocked.app.session_of(&owner.email).await;
    let current = clocked.app.grpc().rotated(&rotated).await;
    let limit = clocked.session(&owner.token).await.expires_at;
    clocked.clock.advance(HOUR / 2);
    clocked.app.grpc().revoke(&ended).await.unwrap();
    assert_eq!(clocked.verdict(&rotated).await, SessionStatus::Revoked);
    assert_eq!(clocked.verdict(&owner.token).await, SessionStatus::Active);

    clocked.clock.set_back(HOUR);
    assert_eq!(clocked.verdict(&ended).await, SessionStatus::Revoked);
    assert_eq!(clocked.verdict(&rotated).await, SessionStatus::Revoked);
    assert_eq!(clocked.verdict(&current).await, SessionStatus::Revoked);
    let session = clocked.session(&owner.token).await;
    assert_eq!(session.expires_at, limit);
    assert!(clocked.app.grpc().is_valid(&owner.email, PASSWORD).await);

    let created = clocked.stored(&owner.token, "created_at").await;
    let clocked = clocked.restart(|_| {}).await;
    // Not the half hour that the clock took back.
    assert_eq!(clocked.stored(&owner.token, "last_seen_at").await, created);
}

/// 20 checks, and not one row differs until the drain.
async fn a_session_check_writes_nothing_and_the_drain_writes_when_it_was(clocked: Clocked) {
    let token = clocked.app.owner().await.token;
    let created = clocked.stored(&token, "last_seen_at").await;
    for _ in 0..20 {
        clocked.clock.advance(Duration::from_mins(2));
        assert_eq!(clocked.verdict(&token).await, SessionStatus::Active);
    }
    assert_eq!(clocked.stored(&token, "last_seen_at").await, created);
    let id = clocked.session(&token).await.id;
    let store = Arc::clone(&clocked.app.store);
    clocked.app.stop(Stop::Interrupt).await;
    assert_eq!(
        stored(&store, &id, "last_seen_at").await,
        created + 20 * 120
    );
}

/// More than one statement's worth, stored while calls go on.
async fn when_sessions_were_seen_is_stored_in_batches(clocked: Clocked) {
    let often = |settings: &mut ApplicationSettings| {
        settings.auth.last_seen_interval = Duration::from_millis(20);
        settings.auth.session_limits.per_user = 2_000;
    };
    let clocked = clocked.restart(often).await;
    let owner = clocked.app.owner().await;
    let mut tokens = vec![owner.token];
    for _ in 0..scale(210, 1_000) {
        tokens.push(clocked.app.session_of(&owner.email).await);
    }
    clocked.clock.advance(Duration::from_mins(5));
    for batch in tokens.chunks(500) {
        clocked.app.grpc().validate_all(batch).await.unwrap();
    }
    let sql = clocked.app.sql().await;
    let behind = "SELECT COUNT(*) FROM sessions WHERE last_seen_at < created_at + 300000000";
    eventually("all are stored as seen", async || {
        number(&sql, behind).await == 0
    })
    .await;
    let ahead = "SELECT COUNT(*) FROM sessions WHERE last_seen_at > created_at + 300000000";
    assert_eq!(number(&sql, ahead).await, 0);
}
