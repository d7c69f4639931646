//! What mail tells whom, and what events keep of who asked.

use vestibule::proto::v1::{
    ClientInfo, CreateSessionForUserRequest, RequestEmailChangeRequest,
    RequestEmailVerificationRequest, RequestPasswordResetRequest, UpdateUserRequest,
    create_session_for_user_request::User,
};

use super::{CHANGED, CONFIRM, MINUTE, RESET, Town};
use crate::harness::{EventKind, PASSWORD, email, events_of, eventually, phrase};

on_both_databases!(
    users_are_told_of_what_others_may_have_done,
    a_confirmation_names_the_account_that_asks_but_not_to_a_stranger,
    the_requests_of_others_do_not_use_up_a_users_own,
    an_event_of_a_request_carries_its_client,
);

/// A new password, an address set by an operator, a session opened by a caller.
async fn users_are_told_of_what_others_may_have_done(town: Town) {
    let owner = town.verified_owner().await;
    let account = town.app.account();
    let changed = "Your password was changed";
    let new = phrase();
    account
        .change_password(&owner.token, PASSWORD, &new)
        .await
        .unwrap();
    town.mail(&owner.email, changed, 1).await;
    town.clock.advance(MINUTE);
    account.request_password_reset(&owner.email).await.unwrap();
    let reset = town.mail(&owner.email, RESET, 1).await.token();
    account.reset_password(&reset, PASSWORD).await.unwrap();
    town.mail(&owner.email, changed, 2).await;

    let by_email = CreateSessionForUserRequest {
        user: Some(User::Email(owner.email.clone())),
        ..CreateSessionForUserRequest::default()
    };
    town.users.open(by_email).await.unwrap();
    town.mail(&owner.email, "You were signed in", 1).await;

    let new = email();
    let edit = UpdateUserRequest {
        user_id: owner.id.clone(),
        email: Some(new.clone()),
        ..UpdateUserRequest::default()
    };
    town.users.update(edit).await.unwrap();
    let former = town.mail(&owner.email, CHANGED, 1).await;
    let present = town.mail(&new, "This is your e-mail address now", 1).await;
    for mail in [former, present] {
        assert!(!mail.data.contains("#token="), "{}", mail.data);
    }
}

async fn a_confirmation_names_the_account_that_asks_but_not_to_a_stranger(town: Town) {
    let owner = town.app.owner().await;
    let new = email();
    town.change_to(&owner.token, &new).await;
    let mail = town.mail(&new, CONFIRM, 1).await;
    let first: String = owner.email.chars().take(1).collect();
    assert!(
        mail.data.contains(&format!("{first}***@e***.")),
        "{}",
        mail.data
    );
    assert!(!mail.data.contains(&owner.email));
}

/// (E4) Somebody else asked five times for the address that is to be the user's.
async fn the_requests_of_others_do_not_use_up_a_users_own(town: Town) {
    let (owner, other) = (town.app.owner().await, town.app.owner().await);
    let (account, new) = (town.app.account(), email());
    for count in 1..=5 {
        let asked = account.request_email_change(&other.token, PASSWORD, &new);
        asked.await.unwrap();
        town.mail(&new, CONFIRM, count).await;
        town.clock.advance(MINUTE);
    }
    let asked = account.request_email_change(&owner.token, PASSWORD, &new);
    asked.await.unwrap();
    let token = town.mail(&new, CONFIRM, 6).await.token();
    account.confirm_email_change(&token).await.unwrap();
    assert_eq!(town.app.stored(&new).await.id.to_string(), owner.id);
}

async fn an_event_of_a_request_carries_its_client(town: Town) {
    let owner = town.app.owner().await;
    let client = Some(ClientInfo {
        ip: "192.0.2.7".into(),
        user_agent: "a browser".into(),
    });
    let account = town.app.account();
    let reset = RequestPasswordResetRequest {
        email: owner.email.clone(),
        client: client.clone(),
    };
    account.ask_for_reset(reset).await.unwrap();
    let verification = RequestEmailVerificationRequest {
        email: owner.email.clone(),
        client: client.clone(),
    };
    account.ask_for_verification(verification).await.unwrap();
    let change = RequestEmailChangeRequest {
        session_token: owner.token.clone(),
        current_password: PASSWORD.to_owned(),
        new_email: email(),
        client,
    };
    account.ask_for_change(change).await.unwrap();
    let kinds = events_of(&[
        EventKind::PasswordResetRequested,
        EventKind::EmailVerificationRequested,
        EventKind::EmailChangeRequested,
    ]);
    let told = format!("{kinds} AND ip = '192.0.2.7' AND user_agent = 'a browser'");
    eventually("the events are there", async || {
        town.app.store.rows(&told).await == 3
    })
    .await;
}
