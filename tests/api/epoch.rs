//! Verifying a password is slow; a login that began before a change leaves no session behind.

use std::time::Duration;

use tokio::time::Instant;
use tonic::Code;
use vestibule::proto::v1::{SessionStatus, User};

use crate::harness::{Database, EventKind, Fault, HashGate, PASSWORD, Server, email, events_of};

on_both_databases!(
    a_held_login_gets_no_session_when_the_password_changes,
    a_held_login_gets_no_session_when_the_user_is_disabled,
    a_held_login_gets_its_session_when_all_are_ended,
    each_change_ends_the_sessions_that_were_open,
    a_changed_password_is_the_only_one,
    sessions_of_an_unknown_user_are_not_ended,
);

const NEW: &str = "the new canary sings";

/// Holds a login in the hashing thread, changes the user, and releases it.
async fn hold(database: Database, change: impl AsyncFnOnce(&Server, &User, &User)) {
    let gate = HashGate::opened();
    let app = Server::on(database).await.hash_gate(&gate).start().await;
    let user = app.grpc().registered().await;
    // A hash of the new password, made before the gate closes.
    let donor = app.grpc().register(&email(), NEW).await.unwrap();
    gate.close();
    let held = tokio::spawn({
        let (client, email) = (app.grpc(), user.email.clone());
        async move { client.open(&email, PASSWORD).await }
    });
    gate.await_held(1).await;
    change(&app, &user, &donor).await;
    gate.open();
    match held.await.unwrap() {
        Ok(opened) => {
            assert_ne!(
                app.grpc().verdict(&opened.session_token).await,
                SessionStatus::Active
            );
        }
        Err(status) => {
            assert_eq!(
                Fault::of(&status).meaning(),
                (Code::Unauthenticated, "BAD_CREDENTIALS")
            );
        }
    }
}

async fn a_held_login_gets_no_session_when_the_password_changes(database: Database) {
    hold(database, async |app, user, donor| {
        app.take_password_of(&user.email, &donor.email).await;
    })
    .await;
}

async fn a_held_login_gets_no_session_when_the_user_is_disabled(database: Database) {
    hold(database, async |app, user, _| {
        app.disable(&user.id).await;
    })
    .await;
}

/// (A7) It is a login after the end: the password is as it was.
async fn a_held_login_gets_its_session_when_all_are_ended(database: Database) {
    let gate = HashGate::opened();
    let app = Server::on(database).await.hash_gate(&gate).start().await;
    let owner = app.owner().await;
    gate.hold_next();
    let held = tokio::spawn({
        let (client, email) = (app.grpc(), owner.email.clone());
        async move { client.open(&email, PASSWORD).await }
    });
    gate.await_held(1).await;
    app.end_sessions(&owner.id).await.unwrap();
    gate.open();
    let opened = held.await.unwrap().unwrap();
    let verdict = app.grpc().verdict(&opened.session_token).await;
    assert_eq!(verdict, SessionStatus::Active);
    let verdict = app.grpc().verdict(&owner.token).await;
    assert_eq!(verdict, SessionStatus::Revoked);
    let deadline = Instant::now() + Duration::from_secs(30);
    app.auth.write_outcomes(deadline).await.unwrap();
    let failed = events_of(&[EventKind::LoginFailed]);
    assert_eq!(app.store.rows(&failed).await, 0);
}

async fn each_change_ends_the_sessions_that_were_open(app: Server) {
    let donor = app.grpc().register(&email(), NEW).await.unwrap();
    let open = async || {
        let user = app.grpc().registered().await;
        let token = app
            .grpc()
            .open(&user.email, PASSWORD)
            .await
            .unwrap()
            .session_token;
        (user, token)
    };
    let (user, changed) = open().await;
    app.take_password_of(&user.email, &donor.email).await;
    let (user, ended) = open().await;
    app.end_sessions(&user.id).await.unwrap();
    let (user, disabled) = open().await;
    app.disable(&user.id).await;

    assert_eq!(app.grpc().verdict(&changed).await, SessionStatus::Revoked);
    assert_eq!(app.grpc().verdict(&ended).await, SessionStatus::Revoked);
    assert_eq!(
        app.grpc().verdict(&disabled).await,
        SessionStatus::UserDisabled
    );
}

async fn a_changed_password_is_the_only_one(app: Server) {
    let user = app.grpc().registered().await;
    app.change_password(&user.email, NEW).await;
    assert!(app.grpc().is_valid(&user.email, NEW).await);
    assert!(!app.grpc().is_valid(&user.email, PASSWORD).await);
}

async fn sessions_of_an_unknown_user_are_not_ended(app: Server) {
    let unknown = "018c2e65-4b7e-7cc3-98c4-dc0c0c07398f";
    let outcome = app.end_sessions(unknown).await;
    assert!(matches!(
        outcome,
        Err(vestibule::auth::AuthError::UserNotFound)
    ));
}
