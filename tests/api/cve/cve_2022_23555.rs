//! CVE-2022-23555, authentik: a link that was made for one flow worked in another.

use super::*;

on_both_databases!(a_token_is_good_for_its_purpose_alone,);

async fn a_token_is_good_for_its_purpose_alone(app: Server) {
    let owner = app.owner().await;
    let purposes = [
        TokenPurpose::PasswordReset,
        TokenPurpose::EmailVerification,
        TokenPurpose::EmailChange,
        TokenPurpose::EmailRestore,
    ];
    for made in purposes {
        let token = app.issue(&owner.email, Issue::of(made)).await;
        for tried in purposes.into_iter().filter(|tried| *tried != made) {
            let outcome = app.account().redeem(tried, &token, NEW).await;
            assert_eq!(
                Fault::from(outcome).reason,
                "TOKEN_INVALID",
                "{made:?} as {tried:?}"
            );
        }
    }
    assert!(app.grpc().is_valid(&owner.email, PASSWORD).await);
}
