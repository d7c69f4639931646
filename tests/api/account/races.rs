//! What happens at the same time happens as if it had happened one after the other.

use futures_util::future::join_all;
use vestibule::{
    domain::TokenPurpose,
    proto::v1::{CreateSessionResponse, SessionStatus},
};

use super::{NEW, assert_bad_credentials, meaning};
use crate::harness::{
    Database, HashGate, Issue, PASSWORD, Server, TestUser, figure, phrase, scale,
};

on_both_databases!(
    of_fifty_redemptions_at_once_one_succeeds,
    of_many_tokens_redeemed_at_once_one_succeeds,
    a_held_login_opens_nothing_after_what_changes_the_credentials,
    a_held_login_opens_a_session_after_what_ends_sessions_alone,
    a_held_reset_changes_nothing_after_any_change,
    a_login_and_an_erasure_at_once_are_no_fault,
);

/// (A6) 50 at once over four connections: 3 times for each purpose in CI, 200 times for the
/// scorecard.
async fn of_fifty_redemptions_at_once_one_succeeds(app: Server) {
    let rounds = scale(3, 200);
    for purpose in [
        TokenPurpose::PasswordReset,
        TokenPurpose::EmailVerification,
        TokenPurpose::EmailChange,
        TokenPurpose::EmailRestore,
    ] {
        for _ in 0..rounds {
            let user = app.grpc().registered().await;
            let token = app.issue(&user.email, Issue::of(purpose)).await;
            let tries = (0..50).map(|_| {
                let (account, token) = (app.account(), token.clone());
                tokio::spawn(async move { account.redeem(purpose, &token, &phrase()).await })
            });
            let told: Vec<_> = join_all(tries)
                .await
                .into_iter()
                .map(Result::unwrap)
                .collect();
            let count = |what: &str| {
                told.iter()
                    .filter(|one| meaning(one.as_ref().map_err(Clone::clone)) == what)
                    .count()
            };
            assert_eq!((count("OK"), count("TOKEN_INVALID")), (1, 49), "{told:?}");
        }
    }
    figure(
        "A6",
        format_args!("{rounds}/{rounds} of each purpose with exactly one success"),
    );
}

/// The first of several mails makes the others void, also while they are redeemed: 5 tokens, 3 times
/// in CI, 50 times for the scorecard.
async fn of_many_tokens_redeemed_at_once_one_succeeds(app: Server) {
    for _ in 0..scale(3, 50) {
        let user = app.grpc().registered().await;
        let mut tokens = Vec::new();
        for _ in 0..5 {
            tokens.push(app.reset_token(&user.email).await);
        }
        let (account, new) = (&app.account(), [(); 5].map(|()| phrase()));
        let resets = tokens
            .iter()
            .zip(&new)
            .map(|(token, new)| account.reset_password(token, new));
        let told = join_all(resets).await;
        assert_eq!(told.iter().filter(|one| one.is_ok()).count(), 1, "{told:?}");
        for (told, new) in told.into_iter().zip(&new) {
            assert_eq!(
                app.grpc().is_valid(&user.email, new).await,
                meaning(told) == "OK"
            );
        }
    }
}

/// What ends sessions and leaves the credentials as they were.
const SESSIONS_ALONE: [&str; 2] = ["disabled and enabled", "all revoked"];

/// What ends sessions.
const CHANGES: [&str; 7] = [
    "password change",
    "reset",
    "change of address",
    "disabled",
    "disabled and enabled",
    "all revoked",
    "erased",
];

async fn change(app: &Server, owner: &TestUser, change: &str, token: &str) {
    match change {
        "password change" => {
            let account = app.account();
            let changed = account.change_password(&owner.token, PASSWORD, NEW);
            changed.await.unwrap();
        }
        "reset" => app.account().reset_password(token, NEW).await.unwrap(),
        "change of address" => {
            let issue = Issue::of(TokenPurpose::EmailChange);
            let token = app.issue(&owner.email, issue).await;
            app.account().confirm_email_change(&token).await.unwrap();
        }
        "all revoked" => app.end_sessions(&owner.id).await.unwrap(),
        "erased" => app.erase(&owner.id).await,
        _ => {
            app.disable(&owner.id).await;
            if change == "disabled and enabled" {
                app.enable(&owner.id).await;
            }
        }
    }
}

async fn gated(database: Database) -> (Server, HashGate) {
    let gate = HashGate::opened();
    let plan = Server::on(database).await.unthrottled();
    (plan.hash_gate(&gate).start().await, gate)
}

/// (A7) A verification that is held in the hashing thread while the user changes.
async fn a_held_login_opens_nothing_after_what_changes_the_credentials(database: Database) {
    let (app, gate) = gated(database).await;
    for what in CHANGES
        .into_iter()
        .filter(|what| !SESSIONS_ALONE.contains(what))
    {
        let held = hold_login(&app, &gate, what).await;
        assert_bad_credentials(held);
    }
}

/// (A7) The user may log in, and the password is as it was: it is a login after the end.
async fn a_held_login_opens_a_session_after_what_ends_sessions_alone(database: Database) {
    let (app, gate) = gated(database).await;
    for what in SESSIONS_ALONE {
        let opened = hold_login(&app, &gate, what).await.unwrap();
        let verdict = app.grpc().verdict(&opened.session_token).await;
        assert_eq!(verdict, SessionStatus::Active, "{what}");
    }
}

/// A login whose verification is held while the user changes.
async fn hold_login(
    app: &Server,
    gate: &HashGate,
    what: &str,
) -> Result<CreateSessionResponse, tonic::Status> {
    let owner = app.owner().await;
    let token = app.reset_token(&owner.email).await;
    gate.hold_next();
    let held = tokio::spawn({
        let (client, email) = (app.grpc(), owner.email.clone());
        async move { client.open(&email, PASSWORD).await }
    });
    gate.await_held(1).await;
    change(app, &owner, what, &token).await;
    gate.open();
    held.await.unwrap()
}

/// The same of a reset whose token was good when it began.
async fn a_held_reset_changes_nothing_after_any_change(database: Database) {
    let (app, gate) = gated(database).await;
    for what in CHANGES.into_iter().filter(|what| *what != "all revoked") {
        let owner = app.owner().await;
        let [token, another] = [(); 2].map(|()| app.reset_token(&owner.email));
        let (token, another) = (token.await, another.await);
        let late = phrase();
        gate.hold_next();
        let held = tokio::spawn({
            let (account, new) = (app.account(), late.clone());
            async move { account.reset_password(&token, &new).await }
        });
        gate.await_held(1).await;
        change(&app, &owner, what, &another).await;
        gate.open();
        super::assert_token_invalid(held.await.unwrap());
        assert!(!app.grpc().is_valid(&owner.email, &late).await, "{what}");
    }
}

/// (A7) 20 times in CI, 500 times for the scorecard.
async fn a_login_and_an_erasure_at_once_are_no_fault(app: Server) {
    for _ in 0..scale(20, 500) {
        let user = app.grpc().registered().await;
        let client = app.grpc();
        let logins = (0..3).map(|_| client.open(&user.email, PASSWORD));
        let (opened, ()) = tokio::join!(join_all(logins), app.erase(&user.id));
        for login in opened {
            match login {
                Ok(opened) => {
                    let verdict = app.grpc().verdict(&opened.session_token).await;
                    assert_eq!(verdict, SessionStatus::NotFound);
                }
                refused @ Err(_) => assert_bad_credentials(refused),
            }
        }
    }
}
