//! Writing the fields of a user: what a mask means, and what a change of address ends.

use prost_types::FieldMask;
use tonic::Code;
use vestibule::{
    domain::TokenPurpose,
    proto::v1::{SessionStatus, UpdateUserRequest},
};

use super::{NEW, NOBODY, assert_invalid, assert_nobody, assert_refused, edit_of};
use crate::harness::{EventKind, Issue, PASSWORD, Server, email, events_of};

on_both_databases!(
    a_mask_says_what_is_written,
    a_mask_that_names_anything_else_is_a_fault,
    every_fault_of_an_edit_is_told_at_once,
    another_address_ends_sessions_and_tokens_and_is_unproven,
    an_address_that_is_proven_by_the_caller_stays_so,
    the_same_address_is_no_change,
    another_spelling_of_the_address_is_stored,
    a_taken_address_changes_nothing,
);

fn mask(paths: &[&str]) -> FieldMask {
    let paths = paths.iter().map(ToString::to_string).collect();
    FieldMask { paths }
}

/// Absent and empty: what is set. Named: that, and nothing else.
async fn a_mask_says_what_is_written(app: Server) {
    let users = app.users().await;
    let both = ["email", "email_verified"];
    for (paths, moves, verified) in [
        (None, true, true),
        (Some(mask(&[])), true, true),
        (Some(mask(&["email"])), true, false),
        (Some(mask(&["email_verified"])), false, true),
        (Some(mask(&both)), true, true),
        (
            Some(mask(&["email", "email", "email_verified"])),
            true,
            true,
        ),
    ] {
        let (user, new) = (app.grpc().registered().await, email());
        let edit = UpdateUserRequest {
            email: Some(new.clone()),
            email_verified: Some(true),
            update_mask: paths.clone(),
            ..edit_of(&user)
        };
        let written = users.update(edit).await.unwrap();
        assert_eq!(
            written.email,
            if moves { new } else { user.email.clone() },
            "{paths:?}"
        );
        assert_eq!(written.email_verified_at.is_some(), verified, "{paths:?}");
        assert_ne!(written.etag, user.etag);
        assert_eq!(users.find(&user.id).await.unwrap(), written);
    }
    // A field that is named but not set is written as its default.
    let user = app.grpc().registered().await;
    let proven = UpdateUserRequest {
        email_verified: Some(true),
        ..edit_of(&user)
    };
    assert!(
        users
            .update(proven)
            .await
            .unwrap()
            .email_verified_at
            .is_some()
    );
    let unproven = UpdateUserRequest {
        update_mask: Some(mask(&["email_verified"])),
        ..edit_of(&user)
    };
    assert!(
        users
            .update(unproven)
            .await
            .unwrap()
            .email_verified_at
            .is_none()
    );
    let no_address = UpdateUserRequest {
        update_mask: Some(mask(&["email"])),
        ..edit_of(&user)
    };
    assert_invalid(
        users.update(no_address).await,
        &[("email", "INVALID_EMAIL")],
    );
    // Nothing is asked for, so nothing changes.
    let before = users.find(&user.id).await.unwrap();
    assert_eq!(users.update(edit_of(&user)).await.unwrap(), before);
}

async fn a_mask_that_names_anything_else_is_a_fault(app: Server) {
    let (users, user) = (app.users().await, app.grpc().registered().await);
    for path in [
        "*",
        "",
        "id",
        "status",
        "etag",
        "created_at",
        "user_id",
        "Email",
        "email.x",
        "password",
    ] {
        let edit = UpdateUserRequest {
            email: Some(email()),
            update_mask: Some(mask(&["email", path])),
            ..edit_of(&user)
        };
        assert_invalid(
            users.update(edit).await,
            &[("update_mask", "FIELD_MASK_INVALID")],
        );
    }
    assert_eq!(users.find(&user.id).await.unwrap(), user);
}

async fn every_fault_of_an_edit_is_told_at_once(app: Server) {
    let users = app.users().await;
    let edit = UpdateUserRequest {
        user_id: "me".into(),
        email: Some("ada".into()),
        email_verified: None,
        update_mask: Some(mask(&["*", "email"])),
        etag: String::new(),
    };
    let faults = [
        ("user_id", "INVALID_FIELD"),
        ("update_mask", "FIELD_MASK_INVALID"),
        ("email", "INVALID_EMAIL"),
    ];
    assert_invalid(users.update(edit.clone()).await, &faults);
    let nobody = UpdateUserRequest {
        user_id: NOBODY.into(),
        email: Some(email()),
        update_mask: None,
        ..edit
    };
    assert_nobody(users.update(nobody).await, NOBODY);
}

async fn another_address_ends_sessions_and_tokens_and_is_unproven(app: Server) {
    let (users, owner) = (app.users().await, app.owner().await);
    let user = users.find(&owner.id).await.unwrap();
    let proven = UpdateUserRequest {
        email_verified: Some(true),
        ..edit_of(&user)
    };
    users.update(proven).await.unwrap();
    assert_eq!(
        app.grpc().verdict(&owner.token).await,
        SessionStatus::Active
    );
    let mut tokens = Vec::new();
    for purpose in [TokenPurpose::PasswordReset, TokenPurpose::EmailChange] {
        tokens.push((purpose, app.issue(&owner.email, Issue::of(purpose)).await));
    }
    let new = email();
    let moved = UpdateUserRequest {
        email: Some(new.clone()),
        ..edit_of(&user)
    };
    let moved = users.update(moved).await.unwrap();
    assert_eq!(
        (moved.email.as_str(), moved.email_verified_at),
        (new.as_str(), None)
    );
    assert_eq!(
        app.grpc().verdict(&owner.token).await,
        SessionStatus::Revoked
    );
    for (purpose, token) in tokens {
        let redeemed = app.account().redeem(purpose, &token, NEW).await;
        assert_refused(redeemed, Code::FailedPrecondition, "TOKEN_INVALID");
    }
    assert!(!app.grpc().is_valid(&owner.email, PASSWORD).await);
    assert!(app.grpc().is_valid(&new, PASSWORD).await);
    // EmailVerified, then EmailChanged.
    assert_eq!(
        app.store
            .rows(&events_of(&[
                EventKind::EmailVerified,
                EventKind::EmailChanged
            ]))
            .await,
        2
    );
}

async fn an_address_that_is_proven_by_the_caller_stays_so(app: Server) {
    let (users, user) = (app.users().await, app.grpc().registered().await);
    let moved = UpdateUserRequest {
        email: Some(email()),
        email_verified: Some(true),
        ..edit_of(&user)
    };
    let moved = users.update(moved).await.unwrap();
    assert!(moved.email_verified_at.is_some());
    // And a token for the proof of it is of no use any more.
    let user = app.grpc().registered().await;
    let issue = Issue::of(TokenPurpose::EmailVerification);
    let token = app.issue(&user.email, issue).await;
    let proven = UpdateUserRequest {
        email_verified: Some(true),
        ..edit_of(&user)
    };
    users.update(proven).await.unwrap();
    let redeemed = app.account().verify_email(&token).await;
    assert_refused(redeemed, Code::FailedPrecondition, "TOKEN_INVALID");
}

async fn the_same_address_is_no_change(app: Server) {
    let (users, owner) = (app.users().await, app.owner().await);
    let user = users.find(&owner.id).await.unwrap();
    let same = UpdateUserRequest {
        email: Some(owner.email.clone()),
        ..edit_of(&user)
    };
    assert_eq!(users.update(same).await.unwrap(), user);
}

/// It is stored and is the same address: nothing ends, and it stays verified.
async fn another_spelling_of_the_address_is_stored(app: Server) {
    let (users, owner) = (app.users().await, app.owner().await);
    let user = users.find(&owner.id).await.unwrap();
    let verified = UpdateUserRequest {
        email_verified: Some(true),
        ..edit_of(&user)
    };
    let user = users.update(verified).await.unwrap();
    let events = app.store.rows("events").await;
    let spelling = owner.email.to_uppercase();
    let respelled = UpdateUserRequest {
        email: Some(spelling.clone()),
        ..edit_of(&user)
    };
    let told = users.update(respelled).await.unwrap();
    assert_eq!(told.email, spelling);
    assert_eq!(told.email_verified_at, user.email_verified_at);
    assert_ne!(told.etag, user.etag);
    assert_eq!(users.find(&owner.id).await.unwrap(), told);
    let verdict = app.grpc().verdict(&owner.token).await;
    assert_eq!(verdict, SessionStatus::Active);
    assert_eq!(app.store.rows("events").await, events);
    assert!(app.grpc().is_valid(&owner.email, PASSWORD).await);
}

async fn a_taken_address_changes_nothing(app: Server) {
    let (users, owner, other) = (app.users().await, app.owner().await, app.owner().await);
    let user = users.find(&owner.id).await.unwrap();
    let edit = UpdateUserRequest {
        email: Some(other.email.to_uppercase()),
        email_verified: Some(true),
        ..edit_of(&user)
    };
    let taken = users.update(edit).await;
    assert_refused(taken, Code::AlreadyExists, "EMAIL_TAKEN");
    assert_eq!(users.find(&owner.id).await.unwrap(), user);
    assert_eq!(
        app.grpc().verdict(&owner.token).await,
        SessionStatus::Active
    );
}
