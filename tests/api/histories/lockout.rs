//! A stolen session, of a thief without the password: it locks nobody out.

use std::time::Duration;

use tonic::Code;
use vestibule::proto::v1::{SessionStatus, revoke_user_sessions_request::Sessions};

use super::{MINUTE, RESET, Town, assert_refused, assert_token_invalid};
use crate::harness::{
    EventKind, Fault, PASSWORD, Server, assert_within, events_of, number, phrase,
};

on_both_databases!(
    a_stolen_session_in_a_loop_ends_what_its_user_opens_once_a_minute_at_most,
    ending_others_needs_a_recent_proof_of_the_password,
    single_sessions_end_ten_times_a_minute,
    what_ends_nothing_changes_nothing,
    a_login_is_never_lost_to_a_raised_epoch,
    mail_survives_the_end_of_one_session,
);

/// (A7) The thief calls 300 times while the owner logs in 20 times: no right password is refused, and
/// no login counts as failed.
async fn a_stolen_session_in_a_loop_ends_what_its_user_opens_once_a_minute_at_most(town: Town) {
    let owner = town.app.owner().await;
    let stolen = owner.token.clone();
    let thief = tokio::spawn({
        let account = town.app.account();
        async move {
            let mut ended = 0;
            for _ in 0..300 {
                match account.revoke_others(&stolen).await {
                    Ok(()) => ended += 1,
                    refused @ Err(_) => {
                        let fault = Fault::from(refused);
                        assert_eq!(fault.reason, "RATE_LIMITED");
                        assert!(fault.retry_after.is_some());
                    }
                }
            }
            ended
        }
    });
    let mut sessions = Vec::new();
    for _ in 0..20 {
        sessions.push(town.app.session_of(&owner.email).await);
    }
    thief.await.unwrap();
    let mut live = 0;
    for session in &sessions {
        let verdict = town.app.grpc().verdict(session).await;
        live += usize::from(verdict == SessionStatus::Active);
    }
    // The clock stands, so the thief ended the others once.
    let revoked = events_of(&[EventKind::SessionsRevoked]);
    assert_eq!(town.app.store.rows(&revoked).await, 1);
    let last = sessions.pop().unwrap();
    assert!(live > 0, "of {} sessions", sessions.len());
    let account = town.app.account();
    let changed = account.change_password(&last, PASSWORD, &phrase()).await;
    if town.app.grpc().verdict(&last).await == SessionStatus::Active {
        changed.unwrap();
    }
    assert_no_failure(&town.app).await;
}

async fn assert_no_failure(app: &Server) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    app.auth.write_outcomes(deadline).await.unwrap();
    let failed = events_of(&[EventKind::LoginFailed]);
    assert_eq!(app.store.rows(&failed).await, 0);
}

/// Ten minutes after the login, by either call; another proof renews it, and a wrong one does not.
async fn ending_others_needs_a_recent_proof_of_the_password(town: Town) {
    let owner = town.app.owner().await;
    let account = town.app.account();
    town.clock.advance(MINUTE * 10);
    let other = town.app.session_of(&owner.email).await;
    let id = town.app.grpc().validate(&other).await.unwrap();
    let id = id.session.unwrap().id;
    let own = town.app.grpc().validate(&owner.token).await.unwrap();
    let own = own.session.unwrap();

    let stale = (Code::FailedPrecondition, "REAUTHENTICATION_REQUIRED");
    let refused = account.revoke_others(&owner.token).await;
    assert_refused(refused, stale.0, stale.1);
    let refused = account.revoke_by_id(&owner.token, &id).await;
    assert_refused(refused, stale.0, stale.1);
    let wrong = account.reauthenticate(&owner.token, &phrase()).await;
    assert_refused(wrong, Code::Unauthenticated, "BAD_CREDENTIALS");
    assert_refused(account.revoke_others(&owner.token).await, stale.0, stale.1);

    let proven = account
        .reauthenticate(&owner.token, PASSWORD)
        .await
        .unwrap();
    assert_eq!(proven.id, own.id);
    assert_ne!(proven.authenticated_at, own.authenticated_at);
    assert_eq!(proven.expires_at, own.expires_at);
    account.revoke_others(&owner.token).await.unwrap();
    let verdict = town.app.grpc().verdict(&other).await;
    assert_eq!(verdict, SessionStatus::Revoked);
    // A logout asks for nothing.
    town.clock.advance(MINUTE * 10);
    account.revoke_by_id(&owner.token, &own.id).await.unwrap();
}

async fn single_sessions_end_ten_times_a_minute(town: Town) {
    let owner = town.app.owner().await;
    let account = town.app.account();
    let mut ids = Vec::new();
    for _ in 0..11 {
        let token = town.app.session_of(&owner.email).await;
        let session = town.app.grpc().validate(&token).await.unwrap().session;
        ids.push(session.unwrap().id);
    }
    for id in &ids[..10] {
        account.revoke_by_id(&owner.token, id).await.unwrap();
        // What has ended costs nothing.
        account.revoke_by_id(&owner.token, id).await.unwrap();
    }
    let refused = account.revoke_by_id(&owner.token, &ids[10]).await;
    assert_refused(refused, Code::ResourceExhausted, "RATE_LIMITED");
    town.clock.advance(Duration::from_secs(6));
    account.revoke_by_id(&owner.token, &ids[10]).await.unwrap();
}

/// (A7) No epoch, no version, no event.
async fn what_ends_nothing_changes_nothing(town: Town) {
    let owner = town.app.owner().await;
    let sql = town.app.store.sql().await;
    let state = "SELECT CAST(SUM(session_epoch * 1000 + version) AS BIGINT) FROM users";
    let before = (
        number(&sql, state).await,
        town.app.store.rows("events").await,
    );
    let account = town.app.account();
    for _ in 0..5 {
        account.revoke_others(&owner.token).await.unwrap();
        account.cancel_email_change(&owner.token).await.unwrap();
    }
    let after = (
        number(&sql, state).await,
        town.app.store.rows("events").await,
    );
    assert_eq!(after, before);
    // Tokens are something: they end though no other session is there.
    let reset = town.app.reset_token(&owner.email).await;
    account.revoke_others(&owner.token).await.unwrap();
    assert_token_invalid(account.reset_password(&reset, &phrase()).await);
}

/// (A7) Operators end all sessions without a pause while the user logs in.
async fn a_login_is_never_lost_to_a_raised_epoch(town: Town) {
    let owner = town.app.owner().await;
    let raising = tokio::spawn({
        let (users, id) = (town.users.clone(), owner.id.clone());
        async move {
            loop {
                users.revoke(&id, Sessions::All(true)).await.unwrap();
            }
        }
    });
    let started = std::time::Instant::now();
    for _ in 0..20 {
        town.app.session_of(&owner.email).await;
    }
    raising.abort();
    assert_within(started.elapsed(), Duration::from_mins(1));
    assert_no_failure(&town.app).await;
}

/// (A5) A reset that the owner asked for is not lost because a session of theirs was ended.
async fn mail_survives_the_end_of_one_session(town: Town) {
    let owner = town.app.owner().await;
    let session = town.app.grpc().validate(&owner.token).await.unwrap();
    let id = session.session.unwrap().id;
    town.sink.behave(|manners| manners.away = true);
    let account = town.app.account();
    account.request_password_reset(&owner.email).await.unwrap();
    let one = Sessions::SessionId(id);
    town.users.revoke(&owner.id, one).await.unwrap();
    town.sink.behave(|manners| manners.away = false);
    town.clock.advance(MINUTE);
    let reset = town.mail(&owner.email, RESET, 1).await.token();
    account.reset_password(&reset, &phrase()).await.unwrap();
}
