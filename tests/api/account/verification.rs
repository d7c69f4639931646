//! A mailbox is proven with a token, once, and only the one that the token was for.

use vestibule::{domain::TokenPurpose, proto::v1::SessionStatus};

use super::{assert_token_invalid, events};
use crate::harness::{EventKind, Issue, Server, email};

on_both_databases!(
    a_token_proves_the_address_once,
    a_token_proves_no_later_address,
    a_proof_ends_no_reset,
);

const VERIFICATION: TokenPurpose = TokenPurpose::EmailVerification;

async fn a_token_proves_the_address_once(app: Server) {
    let owner = app.owner().await;
    assert_eq!(
        app.account()
            .get(&owner.token)
            .await
            .unwrap()
            .email_verified_at,
        None
    );
    let token = app.issue(&owner.email, Issue::of(VERIFICATION)).await;
    let further = app.issue(&owner.email, Issue::of(VERIFICATION)).await;
    app.account().verify_email(&token).await.unwrap();
    let user = app.account().get(&owner.token).await.unwrap();
    assert!(user.email_verified_at.is_some());
    assert_eq!(user.updated_at, user.email_verified_at);
    for used in [token, further] {
        assert_token_invalid(app.account().verify_email(&used).await);
    }
    assert_eq!(
        app.grpc().verdict(&owner.token).await,
        SessionStatus::Active
    );
    assert_eq!(events(&app, &owner.id, EventKind::EmailVerified).await, 1);
}

/// Verify for a@, change to b@, redeem: b@ stays unverified.
async fn a_token_proves_no_later_address(app: Server) {
    let owner = app.owner().await;
    let token = app.issue(&owner.email, Issue::of(VERIFICATION)).await;
    let new = email();
    app.change_email(&owner.id, &new).await;
    assert_token_invalid(app.account().verify_email(&token).await);
    assert_eq!(app.stored(&new).await.email_verified_at, None);
}

async fn a_proof_ends_no_reset(app: Server) {
    let owner = app.owner().await;
    let reset = app.reset_token(&owner.email).await;
    let token = app.issue(&owner.email, Issue::of(VERIFICATION)).await;
    app.account().verify_email(&token).await.unwrap();
    let done = app.account().reset_password(&reset, super::NEW).await;
    done.unwrap();
}
