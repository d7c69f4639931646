//! CVE-2025-0604, Keycloak, and Gitea's refresh tokens (CVE-2026-128359): a reset let a disabled
//! user in again.

use super::*;

on_both_databases!(a_disabled_user_stays_out,);

async fn a_disabled_user_stays_out(app: Server) {
    let owner = app.owner().await;
    let reset = app.reset_token(&owner.email).await;
    let users = app.users().await;
    users.disable(&owner.id).await.unwrap();
    let outcome = app.account().reset_password(&reset, NEW).await;
    assert_eq!(Fault::from(outcome).reason, "TOKEN_INVALID");
    assert!(!app.grpc().is_valid(&owner.email, PASSWORD).await);
    let verdict = app.grpc().verdict(&owner.token).await;
    assert_ne!(verdict, SessionStatus::Active);
    assert!(app.grpc().rotate(&owner.token).await.is_err());
}
