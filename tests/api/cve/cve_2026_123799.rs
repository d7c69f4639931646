//! CVE-2026-123799, SuperTokens: nobody looked at the time when a session ends.

use super::*;

on_both_databases!(a_session_ends_at_its_time,);

async fn a_session_ends_at_its_time(app: Server) {
    let owner = app.owner().await;
    app.store
        .execute("UPDATE sessions SET expires_at = 1")
        .await;
    assert_eq!(
        app.grpc().verdict(&owner.token).await,
        SessionStatus::Expired
    );
    assert!(app.grpc().rotate(&owner.token).await.is_err());
    let reply = app.rest().get_as(&owner.token, "/users/me").await;
    assert_eq!(reply.status, 401);
}
