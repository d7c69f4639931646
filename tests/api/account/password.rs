//! A password is changed by whoever has a session and knows the current one.

use futures_util::future::join_all;
use vestibule::proto::v1::SessionStatus;

use super::{
    NEW, WRONG, assert_all_ended, assert_session_invalid, assert_unchanged,
    assert_wrong_current_password, events, many_sessions, meaning, opens,
};
use crate::harness::{
    Database, EventKind, Fault, HashGate, PASSWORD, Server, email, events_of, eventually, figure,
    number, phrase,
};

on_both_databases!(
    a_changed_password_is_the_only_one_and_keeps_the_session_that_asked,
    a_wrong_current_password_changes_nothing,
    a_wrong_current_password_is_among_the_events,
    the_fifth_wrong_password_ends_the_session_that_tried_it,
    a_right_password_forgets_the_wrong_ones,
    guesses_at_the_same_time_are_not_more_than_five,
    a_new_password_must_not_be_the_address,
    changes_at_the_same_time_set_one_password,
    a_session_that_ends_meanwhile_changes_nothing,
);

/// (Z5) With 5 other sessions in CI, 99 for the scorecard.
async fn a_changed_password_is_the_only_one_and_keeps_the_session_that_asked(app: Server) {
    let owner = app.owner().await;
    let others = many_sessions(&app, &owner.email).await;
    let reset = app.reset_token(&owner.email).await;
    let changed = app
        .account()
        .change_password(&owner.token, PASSWORD, NEW)
        .await;
    changed.unwrap();

    assert!(opens(&app, &owner.email, NEW).await);
    assert!(!opens(&app, &owner.email, PASSWORD).await);
    assert_all_ended(&app, &others).await;
    assert_eq!(
        app.grpc().verdict(&owner.token).await,
        SessionStatus::Active
    );
    let redeemed = app.account().reset_password(&reset, &phrase()).await;
    super::assert_token_invalid(redeemed);
    assert_eq!(events(&app, &owner.id, EventKind::PasswordChanged).await, 1);
    figure(
        "Z5",
        format_args!("password change: 0 of {} survive", others.len()),
    );
}

/// (A3) A wrong one, and one that is another user's.
async fn a_wrong_current_password_changes_nothing(database: Database) {
    let app = Server::on(database).await.unthrottled().start().await;
    let other = phrase();
    app.grpc().register(&email(), &other).await.unwrap();
    let owner = app.owner().await;
    for wrong in [WRONG, &other] {
        let account = app.account();
        assert_wrong_current_password(account.change_password(&owner.token, wrong, NEW).await);
        let new = email();
        assert_wrong_current_password(
            account
                .request_email_change(&owner.token, wrong, &new)
                .await,
        );
    }
    assert_bad_credentials_once_more(&app, &owner.token).await;
    assert_unchanged(&app, &owner.email).await;
}

/// (L4) A guess is an outcome, whichever RPC it is made by.
async fn a_wrong_current_password_is_among_the_events(app: Server) {
    let owner = app.owner().await;
    let account = app.account();
    assert_wrong_current_password(account.change_password(&owner.token, WRONG, NEW).await);
    let wanted = email();
    let asked = account.request_email_change(&owner.token, WRONG, &wanted);
    assert_wrong_current_password(asked.await);
    assert_wrong_current_password(account.close(&owner.token, WRONG).await);
    let sql = app.sql().await;
    let failed = format!(
        "SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) FROM {}",
        events_of(&[EventKind::LoginFailed])
    );
    eventually("they are written", async || {
        number(&sql, &failed).await == 3
    })
    .await;
    assert!(
        events(&app, &owner.id, EventKind::LoginFailed).await > 0,
        "and about the owner"
    );
}

/// The fifth, by the one RPC that is left.
async fn assert_bad_credentials_once_more(app: &Server, token: &str) {
    assert_wrong_current_password(app.account().close(token, WRONG).await);
}

async fn the_fifth_wrong_password_ends_the_session_that_tried_it(app: Server) {
    let owner = app.owner().await;
    let other = app.session_of(&owner.email).await;
    for tried in 1..=5 {
        assert_eq!(
            app.grpc().verdict(&owner.token).await,
            SessionStatus::Active,
            "after {tried}"
        );
        assert_wrong_current_password(
            app.account()
                .change_password(&owner.token, WRONG, NEW)
                .await,
        );
    }
    assert_eq!(
        app.grpc().verdict(&owner.token).await,
        SessionStatus::Revoked
    );
    let right = app
        .account()
        .change_password(&owner.token, PASSWORD, NEW)
        .await;
    assert_session_invalid(right);
    assert_eq!(app.grpc().verdict(&other).await, SessionStatus::Active);
    assert_eq!(events(&app, &owner.id, EventKind::SessionRevoked).await, 1);
}

async fn a_right_password_forgets_the_wrong_ones(app: Server) {
    let owner = app.owner().await;
    let account = app.account();
    let mut current = PASSWORD.to_owned();
    for _ in 0..3 {
        for _ in 0..4 {
            assert_wrong_current_password(account.change_password(&owner.token, WRONG, NEW).await);
        }
        let new = phrase();
        let changed = account.change_password(&owner.token, &current, &new).await;
        changed.unwrap();
        current = new;
        for _ in 0..4 {
            assert_wrong_current_password(account.close(&owner.token, WRONG).await);
        }
        let address = email();
        let asked = account.request_email_change(&owner.token, &current, &address);
        asked.await.unwrap();
    }
}

/// Twenty, of which all are let in before one is verified: five are told that they are wrong, and the
/// right one among the rest is told nothing.
async fn guesses_at_the_same_time_are_not_more_than_five(database: Database) {
    let gate = HashGate::opened();
    let plan = Server::on(database).await.unthrottled();
    let app = plan.hash_gate(&gate).start().await;
    let owner = app.owner().await;
    let guess = |password: &'static str| {
        let (account, token) = (app.account(), owner.token.clone());
        tokio::spawn(async move {
            let new = email();
            account.request_email_change(&token, password, &new).await
        })
    };
    // The right one stands in one hashing thread, the wrong ones in the other and in the queue.
    gate.hold_next();
    let right = guess(PASSWORD);
    gate.await_held(1).await;
    gate.close();
    let wrong: Vec<_> = (0..20).map(|_| guess(WRONG)).collect();
    eventually("guesses wait", async || {
        app.scrape().await.value("vestibule_hash_queue_length", &[]) == 19
    })
    .await;
    gate.let_pass(20);
    let answers = join_all(wrong).await.into_iter().map(|one| one.unwrap());
    let told: Vec<_> = answers.map(meaning).collect();
    let count = |reason: &str| told.iter().filter(|one| *one == reason).count();
    assert_eq!(
        (count("BAD_CREDENTIALS"), count("SESSION_INVALID")),
        (5, 15),
        "{told:?}"
    );
    gate.open();
    assert_session_invalid(right.await.unwrap());
}

async fn a_new_password_must_not_be_the_address(database: Database) {
    let gate = HashGate::opened();
    let app = Server::on(database).await.hash_gate(&gate).start().await;
    let owner = app.owner().await;
    let hashes = gate.started();
    let local = owner.email.split('@').next().unwrap();
    for new in [&owner.email, &owner.email.to_uppercase(), local] {
        let account = app.account();
        let fault = Fault::from(account.change_password(&owner.token, PASSWORD, new).await);
        assert_eq!(fault.reason, "INVALID_INPUT");
        assert_eq!(fault.faults(), [("new_password", "PASSWORD_COMMON")]);
    }
    assert_eq!(gate.started(), hashes, "cheaper checks come first");
}

async fn changes_at_the_same_time_set_one_password(app: Server) {
    let owner = app.owner().await;
    let account = &app.account();
    let passwords = [phrase(), phrase(), phrase()];
    let changes = passwords
        .iter()
        .map(|new| account.change_password(&owner.token, PASSWORD, new));
    let outcomes = join_all(changes).await;
    let set: Vec<_> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(set.iter().filter(|set| **set).count(), 1, "{outcomes:?}");
    for outcome in outcomes.into_iter().filter(Result::is_err) {
        assert_wrong_current_password(outcome);
    }
    for (new, set) in passwords.iter().zip(set) {
        assert_eq!(opens(&app, &owner.email, new).await, set);
    }
    assert_eq!(
        app.grpc().verdict(&owner.token).await,
        SessionStatus::Active
    );
}

/// (A7) Held between the two hashes of a change, after the current password was found right.
async fn a_session_that_ends_meanwhile_changes_nothing(database: Database) {
    for ending in [
        "session",
        "all",
        "disabled",
        "disabled and enabled",
        "erased",
    ] {
        let gate = HashGate::opened();
        let app = Server::on(database).await.hash_gate(&gate).start().await;
        let owner = app.owner().await;
        gate.close();
        gate.let_pass(1);
        let hashes = gate.started();
        let change = tokio::spawn({
            let (account, token) = (app.account(), owner.token.clone());
            async move { account.change_password(&token, PASSWORD, NEW).await }
        });
        gate.await_started(hashes + 2).await;
        match ending {
            "session" => app.grpc().revoke(&owner.token).await.unwrap(),
            "all" => app.end_sessions(&owner.id).await.unwrap(),
            "disabled" => app.disable(&owner.id).await,
            "erased" => app.erase(&owner.id).await,
            _ => {
                app.disable(&owner.id).await;
                app.enable(&owner.id).await;
            }
        }
        gate.open();
        assert_session_invalid(change.await.unwrap());
        assert_eq!(
            events(&app, &owner.id, EventKind::PasswordChanged).await,
            0,
            "{ending}"
        );
        assert!(!opens(&app, &owner.email, NEW).await, "{ending}");
        let verdict = app.grpc().verdict(&owner.token).await;
        assert_ne!(verdict, SessionStatus::Active, "{ending}");
    }
}
