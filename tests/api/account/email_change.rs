//! An address is changed by whoever has the session, the password and the new mailbox.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;
use tonic::Code;
use vestibule::{
    db::Queued,
    domain::{Clock, MailPurpose, TokenPurpose},
};

use super::{
    NEW, assert_all_ended, assert_refused, assert_token_invalid, events, many_sessions, opens,
};
use crate::harness::{
    Database, EventKind, Issue, PASSWORD, Server, email, eventually, figure, mail_request, scale,
};

on_both_databases!(
    a_confirmed_address_replaces_the_old_one_and_ends_all_sessions,
    an_address_that_was_taken_meanwhile_is_refused,
    an_address_that_many_want_at_once_is_given_once,
    a_reset_issued_before_is_void_after,
    a_request_asks_for_both_mails_or_for_none,
);

/// (Z5) With 5 sessions in CI, 100 for the scorecard. Until it is confirmed the old address stays.
async fn a_confirmed_address_replaces_the_old_one_and_ends_all_sessions(app: Server) {
    let owner = app.owner().await;
    let mut sessions = many_sessions(&app, &owner.email).await;
    sessions.push(owner.token.clone());
    let new = email();
    let account = app.account();
    let asked = account.request_email_change(&owner.token, PASSWORD, &new);
    asked.await.unwrap();
    let token = app.issue(&owner.email, Issue::to(&new)).await;
    assert!(opens(&app, &owner.email, PASSWORD).await);
    assert!(!opens(&app, &new, PASSWORD).await);

    account.confirm_email_change(&token).await.unwrap();
    assert!(!opens(&app, &owner.email, PASSWORD).await);
    assert!(opens(&app, &new, PASSWORD).await);
    assert_all_ended(&app, &sessions).await;
    let user = app.stored(&new).await;
    assert_eq!(user.id.to_string(), owner.id);
    assert!(
        user.email_verified_at.is_some(),
        "the token was mailed there"
    );
    assert_token_invalid(account.confirm_email_change(&token).await);
    assert_eq!(events(&app, &owner.id, EventKind::EmailChanged).await, 1);
    figure(
        "Z5",
        format_args!("change of address: 0 of {} survive", sessions.len()),
    );
}

/// The token is left as it is: it leads there once the address is free again.
async fn an_address_that_was_taken_meanwhile_is_refused(app: Server) {
    let (owner, new) = (app.owner().await, email());
    let token = app.issue(&owner.email, Issue::to(&new)).await;
    let other = app.grpc().register(&new, NEW).await.unwrap();
    assert_token_invalid(app.account().confirm_email_change(&token).await);
    assert!(opens(&app, &owner.email, PASSWORD).await);
    assert_eq!(app.stored(&new).await.id.to_string(), other.id);
    app.erase(&other.id).await;
    app.account().confirm_email_change(&token).await.unwrap();
    assert_eq!(app.stored(&new).await.id.to_string(), owner.id);
}

/// 5 users and 10 times in CI, 20 users and 50 times for the scorecard.
async fn an_address_that_many_want_at_once_is_given_once(app: Server) {
    for _ in 0..scale(10, 50) {
        let new = email();
        let mut tokens = Vec::new();
        for _ in 0..scale(5, 20) {
            let user = app.grpc().registered().await;
            tokens.push(app.issue(&user.email, Issue::to(&new)).await);
        }
        let account = &app.account();
        let confirmed = tokens
            .iter()
            .map(|token| account.confirm_email_change(token));
        let mut given = 0;
        for outcome in join_all(confirmed).await {
            match outcome {
                Ok(()) => given += 1,
                refused @ Err(_) => assert_token_invalid(refused),
            }
        }
        assert_eq!(given, 1);
    }
}

/// Reset issued, address changed, redeem: refused.
async fn a_reset_issued_before_is_void_after(app: Server) {
    let (owner, new) = (app.owner().await, email());
    let reset = app.reset_token(&owner.email).await;
    let other = app
        .issue(&owner.email, Issue::of(TokenPurpose::EmailChange))
        .await;
    let token = app.issue(&owner.email, Issue::to(&new)).await;
    app.account().confirm_email_change(&token).await.unwrap();
    assert_token_invalid(app.account().reset_password(&reset, NEW).await);
    assert_token_invalid(app.account().confirm_email_change(&other).await);
    assert!(opens(&app, &new, PASSWORD).await);
}

/// With room for one: the notice to the current address is never one too many, and without room for
/// the token nobody is told of a change that was not asked for.
async fn a_request_asks_for_both_mails_or_for_none(database: Database) {
    let plan = Server::on(database).await;
    let plan = plan.settings(|settings| settings.auth.mail.queue = 1);
    let app = plan.start().await;
    let owner = app.owner().await;
    let account = app.account();
    let ask = async || {
        let new = email();
        let asked = account.request_email_change(&owner.token, PASSWORD, &new);
        asked.await
    };
    ask().await.unwrap();
    assert_eq!(app.store.rows("mail_intents").await, 2);
    eventually("nothing waits", async || {
        app.store
            .rows("mail_intents WHERE next_try IS NOT NULL")
            .await
            == 0
    })
    .await;

    let hence = Clock::system().now() + Duration::from_hours(1);
    let later = mail_request(&email(), MailPurpose::PasswordReset, hence);
    let deadline = Instant::now() + Duration::from_secs(30);
    let queued = app.db.request_mail(later, 1, deadline).await.unwrap();
    assert_eq!(queued, Queued::Yes, "it fills the queue and is not due");
    assert_refused(ask().await, Code::Unavailable, "OVERLOADED");
    assert_eq!(app.store.rows("mail_intents").await, 3);
}
