//! A forgotten password is set anew with a token, once.

use chrono::DateTime;
use vestibule::{
    domain::{Clock, TokenPurpose},
    proto::v1::SessionStatus,
};

use super::{
    NEW, assert_all_ended, assert_token_invalid, assert_unchanged, events, many_sessions, opens,
};
use crate::harness::{
    Database, EventKind, Fault, HashGate, Issue, PASSWORD, Server, TOKEN_LIFETIME, email, figure,
    phrase,
};

on_both_databases!(
    a_token_sets_a_new_password_once_and_ends_all_sessions,
    only_a_mailed_token_proves_the_mailbox,
    a_new_password_that_is_refused_leaves_the_token,
    a_token_that_redeems_nothing_costs_no_hash,
    a_token_ends_at_its_limit_to_the_microsecond,
    a_token_ends_with_what_it_was_issued_for,
    expired_tokens_are_purged,
);

/// (Z5) With 5 sessions in CI, 100 for the scorecard.
async fn a_token_sets_a_new_password_once_and_ends_all_sessions(app: Server) {
    let owner = app.owner().await;
    let mut sessions = many_sessions(&app, &owner.email).await;
    sessions.push(owner.token.clone());
    let token = app.reset_token(&owner.email).await;
    let further = app.reset_token(&owner.email).await;
    app.account().reset_password(&token, NEW).await.unwrap();

    assert!(opens(&app, &owner.email, NEW).await);
    assert!(!opens(&app, &owner.email, PASSWORD).await);
    assert_all_ended(&app, &sessions).await;
    assert_eq!(
        app.store.rows("sessions").await,
        sessions.len(),
        "it opens none"
    );
    // A second mail that was on its way is void as well.
    for used in [token, further] {
        assert_token_invalid(app.account().reset_password(&used, &phrase()).await);
    }
    assert!(opens(&app, &owner.email, NEW).await);
    assert_eq!(events(&app, &owner.id, EventKind::PasswordReset).await, 1);
    figure(
        "Z5",
        format_args!("password reset: 0 of {} survive", sessions.len()),
    );
}

async fn only_a_mailed_token_proves_the_mailbox(app: Server) {
    for mailed in [true, false] {
        let owner = app.owner().await;
        let issue = Issue {
            mailed,
            ..Issue::of(TokenPurpose::PasswordReset)
        };
        let token = app.issue(&owner.email, issue).await;
        app.account().reset_password(&token, NEW).await.unwrap();
        let stored = app.stored(&owner.email).await;
        assert_eq!(stored.email_verified_at.is_some(), mailed);
    }
}

async fn a_new_password_that_is_refused_leaves_the_token(database: Database) {
    let gate = HashGate::opened();
    let app = Server::on(database).await.hash_gate(&gate).start().await;
    let owner = app.owner().await;
    let token = app.reset_token(&owner.email).await;
    let hashes = gate.started();
    for (weak, reason) in [
        ("short", "PASSWORD_TOO_SHORT"),
        ("password123", "PASSWORD_COMMON"),
        (owner.email.as_str(), "PASSWORD_COMMON"),
    ] {
        let fault = Fault::from(app.account().reset_password(&token, weak).await);
        assert_eq!(fault.reason, "INVALID_INPUT");
        assert_eq!(fault.faults(), [("new_password", reason)]);
    }
    assert_eq!(gate.started(), hashes, "cheaper checks come first");
    app.account().reset_password(&token, NEW).await.unwrap();
}

async fn a_token_that_redeems_nothing_costs_no_hash(database: Database) {
    let gate = HashGate::opened();
    let app = Server::on(database).await.hash_gate(&gate).start().await;
    let owner = app.owner().await;
    let used = app.reset_token(&owner.email).await;
    app.account().reset_password(&used, NEW).await.unwrap();
    let hashes = gate.started();
    for token in [&used, "", "x", &used[..70]] {
        assert_token_invalid(app.account().reset_password(token, &phrase()).await);
    }
    assert_eq!(gate.started(), hashes);
}

/// By the clock of the application, which a test moves. On Postgres the database's counts too, and
/// here it is behind.
async fn a_token_ends_at_its_limit_to_the_microsecond(database: Database) {
    let clock = Clock::manual(DateTime::from_timestamp(1_900_000_000, 0).unwrap());
    let moved = clock.clone();
    let plan = Server::on(database).await;
    let app = plan.hooks(|hooks| hooks.clock = Some(moved)).start().await;
    let owner = app.owner().await;
    let issue = || Issue {
        at: clock.now(),
        ..Issue::of(TokenPurpose::PasswordReset)
    };
    let moment = std::time::Duration::from_micros(1);
    let token = app.issue(&owner.email, issue()).await;
    clock.advance(TOKEN_LIFETIME.checked_sub(moment).unwrap());
    app.account().reset_password(&token, NEW).await.unwrap();

    let token = app.issue(&owner.email, issue()).await;
    clock.advance(TOKEN_LIFETIME);
    assert_token_invalid(app.account().reset_password(&token, &phrase()).await);
    assert!(opens(&app, &owner.email, NEW).await);
}

/// Whatever ends a token, it ends for good.
async fn a_token_ends_with_what_it_was_issued_for(app: Server) {
    let donor = app.grpc().registered().await.email;
    for end in 0..6 {
        let owner = app.owner().await;
        let token = app.reset_token(&owner.email).await;
        let mut address = owner.email.clone();
        match end {
            0 => app.take_password_of(&owner.email, &donor).await,
            1 => app.disable(&owner.id).await,
            2 => {
                app.disable(&owner.id).await;
                app.enable(&owner.id).await;
            }
            3 => {
                let (account, new) = (app.account(), phrase());
                let changed = account.change_password(&owner.token, PASSWORD, &new);
                changed.await.unwrap();
            }
            4 => {
                address = email();
                app.change_email(&owner.id, &address).await;
            }
            _ => app.erase(&owner.id).await,
        }
        assert_token_invalid(app.account().reset_password(&token, NEW).await);
        assert!(!opens(&app, &address, NEW).await, "{end}");
        assert_ne!(
            app.grpc().verdict(&owner.token).await == SessionStatus::Active,
            end != 3,
            "{end}"
        );
    }
    assert_unchanged(&app, &donor).await;
}

async fn expired_tokens_are_purged(database: Database) {
    let app = Server::start(database).await;
    let owner = app.owner().await;
    let now = Clock::system().now();
    for age in [TOKEN_LIFETIME * 2, TOKEN_LIFETIME / 2] {
        let issue = Issue {
            at: now - age,
            ..Issue::of(TokenPurpose::PasswordReset)
        };
        app.issue(&owner.email, issue).await;
    }
    // It purges when it starts.
    let app = app.stop_and_plan().await.start().await;
    crate::harness::eventually("one is purged", async || {
        app.store.rows("one_time_tokens").await == 1
    })
    .await;
}
