//! The address of an account: mistyped, changed, taken over and taken back.

use std::time::Duration;

use tonic::Code;
use vestibule::proto::v1::{
    SessionStatus, UpdateUserRequest, revoke_user_sessions_request::Sessions,
};

use super::{CHANGED, CONFIRM, MINUTE, Town, assert_refused, assert_token_invalid};
use crate::harness::{EventKind, PASSWORD, email, events_of, phrase};

on_both_databases!(
    a_stranger_cannot_confirm_a_change_that_was_corrected,
    the_present_address_and_a_cancellation_end_a_change,
    a_thief_cannot_end_the_way_back,
    a_kept_address_is_nobody_elses,
    an_address_that_was_never_verified_has_no_way_back,
    a_way_back_ends_after_seven_days_and_by_an_operator,
    a_change_that_was_ended_is_mailed_again_as_soon_as_may_be,
);

/// (A5) Mistyped, then right, then back, then "sign out everywhere": the stranger, who reads the mail
/// to the mistyped address, gets nothing.
async fn a_stranger_cannot_confirm_a_change_that_was_corrected(town: Town) {
    let owner = town.verified_owner().await;
    let (mistyped, right) = (email(), email());
    let strange = town.change_to(&owner.token, &mistyped).await;
    let corrected = town.change_to(&owner.token, &right).await;
    let account = town.app.account();
    assert_token_invalid(account.confirm_email_change(&strange).await);

    let back = account.request_email_change(&owner.token, PASSWORD, &owner.email);
    back.await.unwrap();
    account.revoke_others(&owner.token).await.unwrap();
    for token in [strange, corrected] {
        assert_token_invalid(account.confirm_email_change(&token).await);
    }
    assert_eq!(town.app.stored(&owner.email).await.id.to_string(), owner.id);
}

/// (A5) Also mail that waits, and where none is under way nothing happens.
async fn the_present_address_and_a_cancellation_end_a_change(town: Town) {
    let owner = town.app.owner().await;
    let account = town.app.account();
    let cancelled = events_of(&[EventKind::EmailChangeCancelled]);
    for (ends, count) in [("present", 1), ("cancel", 2)] {
        let token = town.change_to(&owner.token, &email()).await;
        for _ in 0..2 {
            if ends == "present" {
                let present = &owner.email;
                let asked = account.request_email_change(&owner.token, PASSWORD, present);
                asked.await.unwrap();
            } else {
                account.cancel_email_change(&owner.token).await.unwrap();
            }
        }
        assert_token_invalid(account.confirm_email_change(&token).await);
        assert_eq!(town.app.store.rows(&cancelled).await, count);
    }
    town.sink.behave(|manners| manners.away = true);
    let late = email();
    let asked = account.request_email_change(&owner.token, PASSWORD, &late);
    asked.await.unwrap();
    account.cancel_email_change(&owner.token).await.unwrap();
    let waits = "mail_intents WHERE purpose = 3 AND next_try IS NOT NULL";
    assert_eq!(town.app.store.rows(waits).await, 0);
}

/// (A5) (A7) (Z5) Whoever knows the password takes the address, and does all that could close the way
/// back; the owner comes back all the same and is alone.
async fn a_thief_cannot_end_the_way_back(town: Town) {
    let owner = town.verified_owner().await;
    let account = town.app.account();
    let (theirs, next) = (email(), email());
    let token = town.change_to(&owner.token, &theirs).await;
    account.confirm_email_change(&token).await.unwrap();
    let way_back = town.mail(&owner.email, CHANGED, 1).await.token();

    let thief = town.app.session_of(&theirs).await;
    account.revoke_others(&thief).await.unwrap();
    let new = phrase();
    account
        .change_password(&thief, PASSWORD, &new)
        .await
        .unwrap();
    let asked = account.request_email_change(&thief, &new, &next);
    asked.await.unwrap();
    let token = town.mail(&next, CONFIRM, 1).await.token();
    account.confirm_email_change(&token).await.unwrap();
    account.request_password_reset(&next).await.unwrap();
    let reset = town.mail(&next, super::RESET, 1).await.token();
    account.reset_password(&reset, PASSWORD).await.unwrap();
    let thief = town.app.session_of(&next).await;
    town.mail(&theirs, CHANGED, 1).await;

    let mine = phrase();
    account.restore_email(&way_back, &mine).await.unwrap();
    let user = town.app.stored(&owner.email).await;
    assert_eq!(user.id.to_string(), owner.id);
    assert!(user.email_verified_at.is_some());
    let verdict = town.app.grpc().verdict(&thief).await;
    assert_eq!(verdict, SessionStatus::Revoked);
    assert!(!town.app.grpc().is_valid(&owner.email, PASSWORD).await);
    assert!(town.app.grpc().is_valid(&owner.email, &mine).await);
    // The thief's own former address is one that was verified; its way back has ended.
    let theirs = town.mail(&theirs, CHANGED, 1).await.token();
    assert_token_invalid(account.restore_email(&theirs, &phrase()).await);
    assert_token_invalid(account.restore_email(&way_back, &phrase()).await);
}

/// (A8) Not by registration, import, another user's change or an operator.
async fn a_kept_address_is_nobody_elses(town: Town) {
    let (owner, other) = (town.verified_owner().await, town.app.owner().await);
    let account = town.app.account();
    // Asked for while it was the owner's: the token comes once it is free.
    let token = town.change_to(&owner.token, &email()).await;
    account.confirm_email_change(&token).await.unwrap();
    let way_back = town.mail(&owner.email, CHANGED, 1).await.token();

    let client = town.app.grpc();
    for id in ["", "018c2e65-4b7e-7cc3-98c4-dc0c0c07398f"] {
        let registered = client.register_as(&owner.email, PASSWORD, id).await;
        assert_refused(registered, Code::AlreadyExists, "EMAIL_TAKEN");
    }
    let token = town.change_to(&other.token, &owner.email).await;
    assert_token_invalid(account.confirm_email_change(&token).await);
    let edit = UpdateUserRequest {
        user_id: other.id,
        email: Some(owner.email.clone()),
        ..UpdateUserRequest::default()
    };
    let edited = town.users.update(edit).await;
    assert_refused(edited, Code::AlreadyExists, "EMAIL_TAKEN");
    account.restore_email(&way_back, &phrase()).await.unwrap();
}

/// It may be a stranger's, whom the user mistyped at the registration.
async fn an_address_that_was_never_verified_has_no_way_back(town: Town) {
    let owner = town.app.owner().await;
    let account = town.app.account();
    let token = town.change_to(&owner.token, &email()).await;
    account.confirm_email_change(&token).await.unwrap();
    let mail = town.mail(&owner.email, CHANGED, 1).await;
    assert!(!mail.data.contains("#token="), "{}", mail.data);
    town.app
        .grpc()
        .register(&owner.email, PASSWORD)
        .await
        .unwrap();
}

async fn a_way_back_ends_after_seven_days_and_by_an_operator(town: Town) {
    let account = town.app.account();
    for by_operator in [false, true] {
        let owner = town.verified_owner().await;
        let token = town.change_to(&owner.token, &email()).await;
        account.confirm_email_change(&token).await.unwrap();
        let way_back = town.mail(&owner.email, CHANGED, 1).await.token();
        if by_operator {
            let all = Sessions::All(true);
            town.users.revoke(&owner.id, all).await.unwrap();
        } else {
            town.clock.advance(Duration::from_hours(7 * 24));
        }
        assert_token_invalid(account.restore_email(&way_back, &phrase()).await);
        town.app
            .grpc()
            .register(&owner.email, PASSWORD)
            .await
            .unwrap();
    }
}

/// (A5) There and back and there again within a minute: the last request counts, and is not lost to
/// the limit.
async fn a_change_that_was_ended_is_mailed_again_as_soon_as_may_be(town: Town) {
    let owner = town.app.owner().await;
    let account = town.app.account();
    let (first, second) = (email(), email());
    let former = town.change_to(&owner.token, &first).await;
    town.change_to(&owner.token, &second).await;
    let asked = account.request_email_change(&owner.token, PASSWORD, &first);
    asked.await.unwrap();
    town.clock.advance(MINUTE);
    let token = town.mail(&first, CONFIRM, 2).await.token();
    assert_token_invalid(account.confirm_email_change(&former).await);
    account.confirm_email_change(&token).await.unwrap();
}
