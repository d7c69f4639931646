//! How many sessions a user has at most: for one more the oldest ends.

use futures_util::future::join_all;
use vestibule::{
    proto::v1::{SessionStatus, ValidateSessionResponse},
    server::ApplicationSettings,
};

use crate::harness::{Database, EventKind, Server, events_of, scale};

on_both_databases!(
    one_session_too_many_ends_the_oldest,
    sessions_that_ended_do_not_count,
    logins_at_once_leave_no_session_too_many,
    a_lower_number_of_sessions_holds_from_the_next_login_on,
);

async fn most(database: Database, per_user: u64) -> Server {
    let plan = Server::on(database).await;
    let limit = |settings: &mut ApplicationSettings| {
        settings.auth.session_limits.per_user = per_user;
    };
    plan.settings(limit).start().await
}

/// How many of these are ACTIVE.
async fn active(app: &Server, tokens: &[String]) -> Vec<bool> {
    let verdicts = app.grpc().validate_all(tokens).await.unwrap();
    let is_active = |verdict: &ValidateSessionResponse| verdict.status() == SessionStatus::Active;
    verdicts.iter().map(is_active).collect()
}

async fn sessions(app: &Server, email: &str, count: usize) -> Vec<String> {
    let mut tokens = Vec::new();
    for _ in 0..count {
        tokens.push(app.session_of(email).await);
    }
    tokens
}

/// Nobody else's, and an event tells of it.
async fn one_session_too_many_ends_the_oldest(database: Database) {
    let app = most(database, 3).await;
    let (user, other) = (app.owner().await, app.owner().await);
    let mut tokens = vec![user.token.clone()];
    tokens.extend(sessions(&app, &user.email, 3).await);
    assert_eq!(active(&app, &tokens).await, [false, true, true, true]);
    assert_eq!(app.grpc().verdict(&tokens[0]).await, SessionStatus::Revoked);
    assert_eq!(
        app.grpc().verdict(&other.token).await,
        SessionStatus::Active
    );
    assert_eq!(
        app.store
            .rows(&events_of(&[EventKind::SessionRevoked]))
            .await,
        1
    );
    tokens.push(app.session_of(&user.email).await);
    assert_eq!(
        active(&app, &tokens).await,
        [false, false, true, true, true]
    );
    assert_eq!(
        app.store
            .rows(&events_of(&[EventKind::SessionRevoked]))
            .await,
        2
    );
}

/// Revoked, expired, idle, of an older epoch.
async fn sessions_that_ended_do_not_count(database: Database) {
    let app = most(database, 2).await;
    let user = app.owner().await;
    let kept = user.token.clone();
    for end in [
        "revoked_at = 1",
        "expires_at = 1",
        "last_seen_at = 1",
        "epoch = -1",
    ] {
        app.session_of(&user.email).await;
        let newest = "id = (SELECT id FROM sessions ORDER BY created_at DESC LIMIT 1)";
        let statement = format!("UPDATE sessions SET {end} WHERE {newest}");
        app.store.execute(&statement).await;
    }
    let last = app.session_of(&user.email).await;
    assert_eq!(active(&app, &[kept, last]).await, [true, true]);
    assert_eq!(
        app.store
            .rows(&events_of(&[EventKind::SessionRevoked]))
            .await,
        0
    );
}

/// 20 at once in CI, 100 for the scorecard.
async fn logins_at_once_leave_no_session_too_many(database: Database) {
    let app = most(database, 5).await;
    let user = app.owner().await;
    let logins = (0..scale(20, 100)).map(|_| app.session_of(&user.email));
    let tokens = join_all(logins).await;
    let left = active(&app, &tokens).await;
    assert_eq!(left.iter().filter(|active| **active).count(), 5);
    assert_eq!(
        app.grpc().verdict(&user.token).await,
        SessionStatus::Revoked
    );
}

async fn a_lower_number_of_sessions_holds_from_the_next_login_on(database: Database) {
    let app = most(database, 6).await;
    let user = app.owner().await;
    let mut tokens = sessions(&app, &user.email, 5).await;
    let lower = |settings: &mut ApplicationSettings| settings.auth.session_limits.per_user = 2;
    let app = app.stop_and_plan().await.settings(lower).start().await;
    assert_eq!(active(&app, &tokens).await, [true; 5]);
    tokens.push(app.session_of(&user.email).await);
    assert_eq!(
        active(&app, &tokens).await,
        [false, false, false, false, true, true]
    );
}
