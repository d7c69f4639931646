//! CVE-2026-9798, Keycloak: an account that was closed to guessing could be guessed at by another
//! way in.

use super::*;

on_both_databases!(a_throttled_account_is_throttled_by_every_way_in,);

async fn a_throttled_account_is_throttled_by_every_way_in(app: Server) {
    let owner = app.owner().await;
    for _ in 0..5 {
        assert!(!app.grpc().is_valid(&owner.email, WRONG).await);
    }
    let refusals = [
        Fault::from(app.grpc().login(&owner.email, PASSWORD).await),
        Fault::from(app.grpc().open(&owner.email, PASSWORD).await),
        Fault::from(
            app.grpc()
                .login(&owner.email.to_uppercase(), PASSWORD)
                .await,
        ),
    ];
    for refused in refusals {
        assert_eq!(refused.reason, "LOGIN_THROTTLED");
    }
}
