//! CVE-2023-22492, ZITADEL: a session of a user who was disabled could be renewed.

use super::*;

on_both_databases!(a_session_that_a_disabling_ended_is_not_revived,);

async fn a_session_that_a_disabling_ended_is_not_revived(app: Server) {
    let owner = app.owner().await;
    let users = app.users().await;
    users.disable(&owner.id).await.unwrap();
    assert!(app.grpc().rotate(&owner.token).await.is_err());
    users.enable(&owner.id).await.unwrap();
    assert_ne!(
        app.grpc().verdict(&owner.token).await,
        SessionStatus::Active
    );
    assert!(app.grpc().rotate(&owner.token).await.is_err());
}
