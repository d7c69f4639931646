//! A user whom a caller disables or deletes fails on every path, at once.

use tonic::Code;
use vestibule::{
    domain::TokenPurpose,
    proto::v1::{
        CreateSessionResponse, SessionStatus, UserStatus, revoke_user_sessions_request::Sessions,
    },
};

use super::{NEW, NOBODY, assert_disabled, assert_nobody, assert_refused};
use crate::account::proofs::calls_with_session;
use crate::harness::{
    Database, EventKind, Fault, HashGate, Issue, PASSWORD, Server, TestUser, Users, events_of,
    figure,
};

on_both_databases!(
    every_path_fails_at_once_for_who_is_disabled_or_deleted,
    enabling_restores_no_session,
    disabling_twice_is_disabling_once,
    who_registers_again_after_a_deletion_inherits_nothing,
    a_held_login_opens_nothing_for_who_is_disabled_or_deleted,
    a_held_login_opens_its_session_when_callers_end_sessions,
);

/// How many paths refused the user.
async fn refusals(app: &Server, owner: &TestUser, reset: &str) -> usize {
    let mut refused = 0;
    for (method, message) in calls_with_session(&owner.token, PASSWORD) {
        let answer = app.wire().call(method, &message).await;
        let fault = Fault::of(&answer.grpc_status());
        assert_eq!(fault.reason, "SESSION_INVALID", "{method}");
        refused += 1;
    }
    let redeemed = app.account().reset_password(reset, NEW).await;
    assert_refused(redeemed, Code::FailedPrecondition, "TOKEN_INVALID");
    for password in [PASSWORD, NEW] {
        assert!(!app.grpc().is_valid(&owner.email, password).await);
        let opened = app.grpc().open(&owner.email, password).await;
        assert_refused(opened, Code::Unauthenticated, "BAD_CREDENTIALS");
    }
    let reply = app.rest().get_as(&owner.token, "/users/me").await;
    assert_eq!(reply.reason(), "SESSION_INVALID");
    assert_ne!(
        app.grpc().verdict(&owner.token).await,
        SessionStatus::Active
    );
    refused + 7
}

/// (A7) From the answer on.
async fn every_path_fails_at_once_for_who_is_disabled_or_deleted(app: Server) {
    let users = app.users().await;
    for deleted in [false, true] {
        let owner = app.owner().await;
        let reset = users.reset_for(&owner.id).await.unwrap().reset_token;
        if deleted {
            users.delete(&owner.id).await.unwrap();
        } else {
            users.disable(&owner.id).await.unwrap();
        }
        let refused = refusals(&app, &owner, &reset).await;
        if deleted {
            assert_nobody(users.open_for(&owner.id).await, &owner.id);
            assert_nobody(users.reset_for(&owner.id).await, &owner.id);
            assert_nobody(users.sessions(&owner.id).await, &owner.id);
            assert_nobody(users.enable(&owner.id).await, &owner.id);
            assert_nobody(users.delete(&owner.id).await, &owner.id);
        } else {
            assert_disabled(users.open_for(&owner.id).await, &owner.id);
            assert_disabled(users.reset_for(&owner.id).await, &owner.id);
            assert!(users.sessions(&owner.id).await.unwrap().is_empty());
        }
        figure(
            "A7",
            format_args!("deleted {deleted}: 0 successes on {refused} paths"),
        );
    }
    assert_nobody(users.disable(NOBODY).await, NOBODY);
}

async fn enabling_restores_no_session(app: Server) {
    let (users, owner) = (app.users().await, app.owner().await);
    let disabled = users.disable(&owner.id).await.unwrap();
    assert_eq!(disabled.status(), UserStatus::Disabled);
    assert_eq!(
        app.grpc().verdict(&owner.token).await,
        SessionStatus::UserDisabled
    );
    let enabled = users.enable(&owner.id).await.unwrap();
    assert_eq!(enabled.status(), UserStatus::Active);
    assert_eq!(
        app.grpc().verdict(&owner.token).await,
        SessionStatus::Revoked
    );
    assert!(users.sessions(&owner.id).await.unwrap().is_empty());
    app.session_of(&owner.email).await;
}

async fn disabling_twice_is_disabling_once(app: Server) {
    let (users, owner) = (app.users().await, app.owner().await);
    let once = users.disable(&owner.id).await.unwrap();
    assert_eq!(users.disable(&owner.id).await.unwrap(), once);
    assert_eq!(
        app.store.rows(&events_of(&[EventKind::UserDisabled])).await,
        1
    );
    let once = users.enable(&owner.id).await.unwrap();
    assert_eq!(users.enable(&owner.id).await.unwrap(), once);
    assert_eq!(
        app.store.rows(&events_of(&[EventKind::UserEnabled])).await,
        1
    );
}

/// (A8)
async fn who_registers_again_after_a_deletion_inherits_nothing(app: Server) {
    let (users, owner) = (app.users().await, app.owner().await);
    let proof = Issue::of(TokenPurpose::EmailVerification);
    let proof = app.issue(&owner.email, proof).await;
    app.account().verify_email(&proof).await.unwrap();
    let reset = users.reset_for(&owner.id).await.unwrap().reset_token;
    users.delete(&owner.id).await.unwrap();

    let again = app.grpc().register(&owner.email, NEW).await.unwrap();
    assert_ne!(again.id, owner.id);
    assert_eq!((again.email_verified_at, again.etag.as_str()), (None, "1"));
    assert!(users.sessions(&again.id).await.unwrap().is_empty());
    let export = users.export(&again.id).await.unwrap();
    assert_eq!((export.sessions.len(), export.events.len()), (0, 1));
    assert_eq!(
        app.grpc().verdict(&owner.token).await,
        SessionStatus::NotFound
    );
    let redeemed = app.account().reset_password(&reset, PASSWORD).await;
    assert_refused(redeemed, Code::FailedPrecondition, "TOKEN_INVALID");
    assert!(!app.grpc().is_valid(&owner.email, PASSWORD).await);
    assert!(app.grpc().is_valid(&owner.email, NEW).await);
    assert_nobody(users.find(&owner.id).await, &owner.id);
}

/// What callers do while a password is verified.
async fn act(users: &Users, owner: &TestUser, deed: &str) {
    let now = prost_types::Timestamp::from(std::time::SystemTime::now());
    let sessions = match deed {
        "disable" => return drop(users.disable(&owner.id).await.unwrap()),
        "delete" => return users.delete(&owner.id).await.unwrap(),
        "all" => Sessions::All(true),
        "all but one" => {
            let kept = users.sessions(&owner.id).await.unwrap().remove(0).id;
            Sessions::ExceptSessionId(kept)
        }
        _ => Sessions::IssuedBefore(now),
    };
    users.revoke(&owner.id, sessions).await.unwrap();
}

/// (A7) The verification is held in the hashing thread, and released after the answer.
async fn a_held_login_opens_nothing_for_who_is_disabled_or_deleted(database: Database) {
    let (app, users, gate) = gated(database).await;
    for deed in ["disable", "delete"] {
        let refused = hold_login((&app, &users), &gate, deed).await;
        assert_refused(refused, Code::Unauthenticated, "BAD_CREDENTIALS");
    }
}

/// (A7) The password is as it was, and the session is opened after the others have ended.
async fn a_held_login_opens_its_session_when_callers_end_sessions(database: Database) {
    let (app, users, gate) = gated(database).await;
    for deed in ["all", "all but one", "issued before"] {
        let opened = hold_login((&app, &users), &gate, deed).await.unwrap();
        let verdict = app.grpc().verdict(&opened.session_token).await;
        assert_eq!(verdict, SessionStatus::Active, "{deed}");
    }
}

async fn gated(database: Database) -> (Server, Users, HashGate) {
    let gate = HashGate::opened();
    let app = Server::on(database).await.hash_gate(&gate).start().await;
    let users = app.users().await;
    (app, users, gate)
}

async fn hold_login(
    (app, users): (&Server, &Users),
    gate: &HashGate,
    deed: &str,
) -> Result<CreateSessionResponse, tonic::Status> {
    let owner = app.owner().await;
    gate.hold_next();
    let held = tokio::spawn({
        let (client, email) = (app.grpc(), owner.email.clone());
        async move { client.open(&email, PASSWORD).await }
    });
    gate.await_held(1).await;
    act(users, &owner, deed).await;
    gate.open();
    held.await.unwrap()
}
