//! CVE-2023-6787, Keycloak: a session went over to whoever proved a password in it.

use super::*;

on_both_databases!(only_the_owner_proves_a_password_in_a_session,);

async fn only_the_owner_proves_a_password_in_a_session(app: Server) {
    let (owner, other) = (app.owner().await, app.owner().await);
    let changed = app
        .account()
        .change_password(&other.token, PASSWORD, NEW)
        .await;
    changed.unwrap();
    let proven = app.account().reauthenticate(&owner.token, NEW).await;
    assert_eq!(Fault::from(proven).reason, "BAD_CREDENTIALS");
    app.account()
        .reauthenticate(&owner.token, PASSWORD)
        .await
        .unwrap();
    let user = app.account().get(&owner.token).await.unwrap();
    assert_eq!(user.id, owner.id);
}
