//! A session's token is replaced; whoever presents the old one long after ends the session.

use std::{collections::HashSet, time::Duration};

use chrono::DateTime;
use futures_util::future::join_all;
use tonic::Code;
use uuid::Uuid;
use vestibule::{
    domain::{Clock, SessionId, SessionToken},
    proto::v1::SessionStatus,
};

use crate::harness::{
    Database, EventKind, Fault, Fixture, PASSWORD, Plan, Server, events_of, eventually, figure,
    number, scale,
};

on_both_databases!(
    fifty_rotations_at_once_give_one_token,
    an_old_token_is_good_for_its_grace_and_gets_the_newest_one,
    a_slow_answer_costs_no_browser_its_session,
    a_replaced_token_after_its_grace_ends_the_session_on_every_path,
    a_random_secret_ends_nothing,
    rotation_moves_no_limit,
    the_grace_ends_with_a_change_of_password,
    the_nonce_is_forgotten_after_the_grace,
    after_a_thousand_rotations_a_session_keeps_its_token,
    what_proves_no_session_is_not_rotated,
);

const GRACE: Duration = Duration::from_secs(30);
const MOMENT: Duration = Duration::from_micros(1);

/// `SessionSecretReused` as stored.
fn reused() -> String {
    events_of(&[EventKind::SessionSecretReused])
}

struct Clocked {
    app: Server,
    clock: Clock,
}

impl Fixture for Clocked {
    async fn on(database: Database) -> Self {
        let clock = Clock::manual(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let moved = clock.clone();
        let plan = Plan::on(database)
            .await
            .hooks(|hooks| hooks.clock = Some(moved))
            .settings(|settings| settings.auth.last_seen_interval = Duration::from_millis(20));
        Self {
            app: plan.start().await,
            clock,
        }
    }
}

/// 2 rounds over four connections in CI, 100 for the scorecard.
async fn fifty_rotations_at_once_give_one_token(app: Server) {
    let rounds = scale(2, 100);
    for _ in 0..rounds {
        let old = app.owner().await.token;
        let clients: Vec<_> = (0..4).map(|_| app.another_grpc()).collect();
        let calls = (0..50).map(|number| {
            let (client, old) = (clients[number % 4].clone(), old.clone());
            tokio::spawn(async move { client.rotated(&old).await })
        });
        let told: HashSet<_> = join_all(calls)
            .await
            .into_iter()
            .map(Result::unwrap)
            .collect();
        assert_eq!(told.len(), 1);
        let new = told.into_iter().next().unwrap();
        assert_ne!(new, old);
        for token in [&old, &new] {
            assert_eq!(app.grpc().verdict(token).await, SessionStatus::Active);
        }
    }
    assert_eq!(app.store.rows("session_secrets").await, rounds);
    figure(
        "rotation",
        format_args!("{rounds} × 50 at once, one token each"),
    );
}

/// 20 browsers: a slow request rotates the first token, while the second and the third come and go;
/// its answer is the last that the browser keeps.
async fn a_slow_answer_costs_no_browser_its_session(clocked: Clocked) {
    let Clocked { app, clock } = clocked;
    let mut kept = Vec::new();
    for _ in 0..20 {
        let first = app.owner().await.token;
        let second = app.grpc().rotated(&first).await;
        app.grpc().rotated(&second).await;
        kept.push(app.grpc().rotated(&first).await);
    }
    clock.advance(GRACE + MOMENT);
    for token in &kept {
        assert_eq!(app.grpc().verdict(token).await, SessionStatus::Active);
        let next = app.grpc().rotated(token).await;
        assert_eq!(app.grpc().verdict(&next).await, SessionStatus::Active);
    }
    assert_eq!(app.store.rows(&reused()).await, 0);
    figure(
        "rotation",
        format_args!("0 of {} browsers lost", kept.len()),
    );
}

async fn an_old_token_is_good_for_its_grace_and_gets_the_newest_one(clocked: Clocked) {
    let Clocked { app, clock } = clocked;
    let first = app.owner().await.token;
    let answer = app.grpc().rotate(&first).await.unwrap();
    let second = answer.session_token;
    let session = app.grpc().validate(&second).await.unwrap().session;
    assert_eq!(answer.session, session);
    let third = app.grpc().rotated(&second).await;
    clock.advance(GRACE.saturating_sub(MOMENT));
    for old in [&first, &second] {
        let told = app.grpc().rotate(old).await.unwrap();
        assert_eq!(told.session_token, third);
        assert_eq!(told.session.unwrap().id, session.as_ref().unwrap().id);
    }
    for token in [&first, &second, &third] {
        let told = app.grpc().validate(token).await.unwrap();
        assert_eq!(
            told.session.as_ref().unwrap().id,
            session.as_ref().unwrap().id
        );
    }
    assert!(app.account().get(&first).await.is_ok());
    assert_eq!(app.store.rows(&reused()).await, 0);
}

/// Rotated twice; generation 1 is presented at the end of its grace, not before.
async fn a_replaced_token_after_its_grace_ends_the_session_on_every_path(clocked: Clocked) {
    let Clocked { app, clock } = clocked;
    for path in 0..5 {
        let first = app.owner().await.token;
        let second = app.grpc().rotated(&first).await;
        let third = app.grpc().rotated(&second).await;
        clock.advance(GRACE);
        assert_eq!(app.grpc().verdict(&third).await, SessionStatus::Active);
        match path {
            0 => assert_eq!(app.grpc().verdict(&first).await, SessionStatus::Revoked),
            1 => {
                let fault = Fault::from(app.grpc().rotate(&first).await);
                assert_eq!(fault.meaning(), (Code::Unauthenticated, "SESSION_INVALID"));
            }
            2 => app.grpc().revoke(&first).await.unwrap(),
            3 => {
                let batch = [first.clone(), third.clone()];
                let told = app.grpc().validate_all(&batch).await.unwrap();
                assert_eq!(told[0].status(), SessionStatus::Revoked);
            }
            _ => assert!(app.account().get(&first).await.is_err()),
        }
        for token in [&first, &second, &third] {
            assert_eq!(app.grpc().verdict(token).await, SessionStatus::Revoked);
        }
        // Told once, however often it is presented.
        assert_eq!(app.store.rows(&reused()).await, path + 1);
    }
}

/// Of a session that was rotated and of one that was not.
async fn a_random_secret_ends_nothing(app: Server) {
    let (fresh, old) = (app.owner().await.token, app.owner().await.token);
    let current = app.grpc().rotated(&old).await;
    for token in [&fresh, &current] {
        let id = app
            .grpc()
            .validate(token)
            .await
            .unwrap()
            .session
            .unwrap()
            .id;
        let id = SessionId::new(Uuid::parse_str(&id).unwrap());
        let forged = SessionToken::new(id, [0xA5; 32]).expose().to_string();
        assert_eq!(app.grpc().verdict(&forged).await, SessionStatus::NotFound);
        let fault = Fault::from(app.grpc().rotate(&forged).await);
        assert_eq!(fault.meaning(), (Code::Unauthenticated, "SESSION_INVALID"));
        app.grpc().revoke(&forged).await.unwrap();
        assert_eq!(app.grpc().verdict(token).await, SessionStatus::Active);
    }
    assert_eq!(app.store.rows(&reused()).await, 0);
    assert_eq!(app.store.rows("session_secrets").await, 1);
}

async fn rotation_moves_no_limit(clocked: Clocked) {
    let Clocked { app, clock } = clocked;
    let mut token = app.owner().await.token;
    let limit = app.grpc().validate(&token).await.unwrap();
    let limit = limit.session.unwrap().expires_at;
    for _ in 0..30 {
        clock.advance(Duration::from_hours(24).saturating_sub(MOMENT));
        let rotated = app.grpc().rotate(&token).await.unwrap();
        assert_eq!(rotated.session.unwrap().expires_at, limit);
        token = rotated.session_token;
    }
    clock.advance(MOMENT * 30);
    assert_eq!(app.grpc().verdict(&token).await, SessionStatus::Expired);
}

/// The session that asked lives on, but its old token is not good any more.
async fn the_grace_ends_with_a_change_of_password(app: Server) {
    let owner = app.owner().await;
    let current = app.grpc().rotated(&owner.token).await;
    assert_eq!(
        app.grpc().verdict(&owner.token).await,
        SessionStatus::Active
    );
    let new = "the new canary sings";
    let changed = app.account().change_password(&current, PASSWORD, new).await;
    changed.unwrap();
    assert_eq!(app.grpc().verdict(&current).await, SessionStatus::Active);
    let fault = Fault::from(app.grpc().rotate(&owner.token).await);
    assert_eq!(fault.meaning(), (Code::Unauthenticated, "SESSION_INVALID"));
}

async fn the_nonce_is_forgotten_after_the_grace(clocked: Clocked) {
    let Clocked { app, clock } = clocked;
    let first = app.owner().await.token;
    let second = app.grpc().rotated(&first).await;
    let kept = "SELECT COUNT(*) FROM session_secrets WHERE nonce IS NOT NULL";
    let sql = app.sql().await;
    assert_eq!(number(&sql, kept).await, 1);
    clock.advance(GRACE * 2 + MOMENT);
    eventually("the nonce is forgotten", async || {
        number(&sql, kept).await == 0
    })
    .await;
    // A clock set back into the grace brings nothing back.
    clock.set_back(GRACE * 2);
    assert_eq!(app.grpc().verdict(&second).await, SessionStatus::Active);
    assert_eq!(app.grpc().verdict(&first).await, SessionStatus::Revoked);
}

async fn after_a_thousand_rotations_a_session_keeps_its_token(app: Server) {
    let token = app.owner().await.token;
    app.store
        .execute("UPDATE sessions SET rotations = 999")
        .await;
    let last = app.grpc().rotated(&token).await;
    for presented in [&last, &token, &last] {
        let told = app.grpc().rotate(presented).await.unwrap();
        assert_eq!(told.session_token, last);
        assert_eq!(
            told.session,
            app.grpc().validate(&last).await.unwrap().session
        );
    }
    assert_eq!(app.store.rows("session_secrets").await, 1);
}

/// Malformed, unknown, revoked, of an older epoch, of a disabled user; and what is the caller's fault.
async fn what_proves_no_session_is_not_rotated(app: Server) {
    let unknown = SessionToken::new(SessionId::new(Uuid::from_u128(7)), [7; 32]);
    let (revoked, ended, disabled) = (app.owner().await, app.owner().await, app.owner().await);
    app.grpc().revoke(&revoked.token).await.unwrap();
    app.end_sessions(&ended.id).await.unwrap();
    app.disable(&disabled.id).await;
    let texts = [revoked.token, ended.token, disabled.token];
    for text in ["x".to_owned(), unknown.expose().to_string()]
        .iter()
        .chain(&texts)
    {
        let fault = Fault::from(app.grpc().rotate(text).await);
        assert_eq!(fault.meaning(), (Code::Unauthenticated, "SESSION_INVALID"));
    }
    for text in [String::new(), "x".repeat(513)] {
        let fault = Fault::from(app.grpc().rotate(&text).await);
        assert_eq!(fault.faults(), [("session_token", "INVALID_FIELD")]);
    }
    assert_eq!(app.store.rows("session_secrets").await, 0);
}
