//! CVE-2026-18963, Keycloak: a password was reset without the mailed link.

use super::*;

on_both_databases!(no_reset_goes_without_the_mailed_token,);

async fn no_reset_goes_without_the_mailed_token(app: Server) {
    let owner = app.owner().await;
    app.account()
        .request_password_reset(&owner.email)
        .await
        .unwrap();
    let verification = Issue::of(TokenPurpose::EmailVerification);
    let verification = app.issue(&owner.email, verification).await;
    for token in [
        "",
        "true",
        &owner.id,
        &owner.email,
        &owner.token,
        &verification,
    ] {
        let reset = app.account().reset_password(token, NEW).await;
        assert_eq!(Fault::from(reset).reason, "TOKEN_INVALID", "{token}");
    }
    assert!(app.grpc().is_valid(&owner.email, PASSWORD).await);
    assert!(!app.grpc().is_valid(&owner.email, NEW).await);
}
