//! Mail that still waits when its user is changed: what would bring a token is not sent any more,
//! what tells of a change is.

use std::time::Duration;

use tokio::time::Instant;
use vestibule::{
    domain::{Clock, MailPurpose},
    proto::v1::UpdateUserRequest,
};

use super::{LIMIT, ask_at, ask_by};
use crate::harness::{PASSWORD, Server, email, phrase};

on_both_databases!(
    what_ends_a_users_tokens_ends_the_mail_that_would_bring_more,
    mail_that_a_sender_has_taken_is_ended_as_well,
);

/// Each change, and how much of the mail for tokens waits after it.
const CHANGES: [(&str, usize); 8] = [
    ("password", 0),
    ("reset", 0),
    ("address", 0),
    ("disabled", 0),
    ("deleted", 0),
    ("verified", 2),
    ("logged out", 3),
    ("enabled", 3),
];

/// (A5) What a user and what anybody asked for, and what another user asked about the same address.
async fn what_ends_a_users_tokens_ends_the_mail_that_would_bring_more(app: Server) {
    let users = app.users().await;
    // Not due in this test, so that nothing is sent.
    let later = Clock::system().now() + Duration::from_mins(5);
    for (change, left) in CHANGES {
        let (owner, other) = (app.owner().await, app.owner().await);
        let (id, token) = (owner.id.as_str(), owner.token.as_str());
        let _ = ask_at(&app.db, &owner.email, MailPurpose::PasswordReset, later).await;
        for (to, purpose) in [
            (&owner.email, MailPurpose::EmailVerification),
            (&email(), MailPurpose::EmailChange),
            (&owner.email, MailPurpose::EmailChangeRequested),
        ] {
            ask_by(&app.db, to, purpose, id, later).await;
        }
        ask_by(
            &app.db,
            &owner.email,
            MailPurpose::EmailChange,
            &other.id,
            later,
        )
        .await;
        let edit = UpdateUserRequest {
            user_id: id.into(),
            ..UpdateUserRequest::default()
        };
        match change {
            "password" => {
                let (account, new) = (app.account(), phrase());
                let changed = account.change_password(token, PASSWORD, &new);
                changed.await.unwrap();
            }
            "reset" => {
                let reset = app.reset_token(&owner.email).await;
                app.account()
                    .reset_password(&reset, &phrase())
                    .await
                    .unwrap();
            }
            "address" => {
                let email = Some(email());
                users
                    .update(UpdateUserRequest { email, ..edit })
                    .await
                    .unwrap();
            }
            "verified" => {
                let email_verified = Some(true);
                let edit = UpdateUserRequest {
                    email_verified,
                    ..edit
                };
                users.update(edit).await.unwrap();
            }
            "disabled" => drop(users.disable(id).await.unwrap()),
            "deleted" => users.delete(id).await.unwrap(),
            "logged out" => app.grpc().revoke(token).await.unwrap(),
            _ => drop(users.enable(id).await.unwrap()),
        }
        let waiting = async |which: String| {
            let waiting = format!("mail_intents WHERE next_try IS NOT NULL AND {which}");
            app.store.rows(&waiting).await
        };
        let key = owner.email.to_lowercase();
        let reset = waiting(format!("purpose = 1 AND email_key = '{key}'")).await;
        let of_user = |purposes: &str| {
            let (low, high) = (id.replace('-', ""), id);
            if app.store.url.starts_with("sqlite") {
                format!("purpose IN ({purposes}) AND user_id = X'{low}'")
            } else {
                format!("purpose IN ({purposes}) AND user_id = '{high}'")
            }
        };
        let asked = waiting(of_user("2, 3")).await;
        assert_eq!(reset + asked, left, "{change}");
        let notices = usize::from(change != "deleted");
        assert_eq!(waiting(of_user("4")).await, notices, "{change}");
    }
    // What others asked for is theirs, but that an erased address leaves nothing.
    let of_others =
        "mail_intents WHERE next_try IS NOT NULL AND purpose = 3 AND address IS NOT NULL";
    assert!(app.store.rows(of_others).await >= CHANGES.len() - 1);
}

/// A sender asks again before it makes a token.
async fn mail_that_a_sender_has_taken_is_ended_as_well(app: Server) {
    let (users, owner) = (app.users().await, app.owner().await);
    let later = Clock::system().now() + Duration::from_mins(5);
    let _ = ask_at(&app.db, &owner.email, MailPurpose::PasswordReset, later).await;
    let (lease, deadline) = (Duration::from_mins(2), Instant::now() + LIMIT);
    app.db.look_up_mail(deadline).await.unwrap();
    let taken = app.db.claim_mail(later, lease, 2, deadline).await.unwrap();
    assert_eq!(taken.len(), 1);
    assert!(app.db.holds_mail(&taken[0], deadline).await.unwrap());
    users.disable(&owner.id).await.unwrap();
    assert!(!app.db.holds_mail(&taken[0], deadline).await.unwrap());
}
