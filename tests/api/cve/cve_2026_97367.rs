//! CVE-2026-97367, Keycloak: an account's owner could name a session of another user.

use super::*;

on_both_databases!(nobody_ends_the_session_of_another_user,);

async fn nobody_ends_the_session_of_another_user(app: Server) {
    let (owner, other) = (app.owner().await, app.owner().await);
    let session = app.grpc().validate(&owner.token).await.unwrap().session;
    let id = session.unwrap().id;
    let _ = app.account().revoke_by_id(&other.token, &id).await;
    app.account().revoke_others(&other.token).await.unwrap();
    assert_eq!(
        app.grpc().verdict(&owner.token).await,
        SessionStatus::Active
    );
    let listed = app.account().list(&other.token, (100, "")).await.unwrap();
    assert!(listed.sessions.iter().all(|session| session.id != id));
}
