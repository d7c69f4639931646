//! CVE-2026-134321, better-auth: a revoked session stayed valid where it had been cached.

use super::*;

on_both_databases!(a_revoked_session_is_active_nowhere,);

async fn a_revoked_session_is_active_nowhere(app: Server) {
    let other = Plan::over(Arc::clone(&app.store)).start().await;
    let owner = app.owner().await;
    let replicas = [&app, &other];
    for replica in replicas {
        let verdict = replica.grpc().verdict(&owner.token).await;
        assert_eq!(verdict, SessionStatus::Active);
    }
    app.grpc().revoke(&owner.token).await.unwrap();
    for replica in replicas {
        let verdict = replica.grpc().verdict(&owner.token).await;
        assert_eq!(verdict, SessionStatus::Revoked);
        assert!(replica.grpc().rotate(&owner.token).await.is_err());
        let listed = replica.account().list(&owner.token, (10, "")).await;
        assert_eq!(Fault::from(listed).reason, "SESSION_INVALID");
    }
}
