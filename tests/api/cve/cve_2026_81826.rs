//! CVE-2026-81826, Flowintel: sessions outlived a change of the password.

use super::*;

on_both_databases!(a_new_password_ends_the_other_sessions,);

async fn a_new_password_ends_the_other_sessions(app: Server) {
    let owner = app.owner().await;
    let other = app.session_of(&owner.email).await;
    let changed = app
        .account()
        .change_password(&owner.token, PASSWORD, NEW)
        .await;
    changed.unwrap();
    assert_eq!(app.grpc().verdict(&other).await, SessionStatus::Revoked);
    let reset = app.reset_token(&owner.email).await;
    let third = app
        .grpc()
        .open(&owner.email, NEW)
        .await
        .unwrap()
        .session_token;
    app.account()
        .reset_password(&reset, "a wren sings at twelve")
        .await
        .unwrap();
    for token in [&owner.token, &third] {
        assert_eq!(app.grpc().verdict(token).await, SessionStatus::Revoked);
    }
}
