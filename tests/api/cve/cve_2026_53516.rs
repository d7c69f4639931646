//! CVE-2026-53516, better-auth: whoever registered an address first got the account of its owner's
//! other login.

use super::*;

on_both_databases!(an_address_that_nobody_proved_opens_no_session,);

async fn an_address_that_nobody_proved_opens_no_session(app: Server) {
    let squatted = app.owner().await;
    let users = app.users().await;
    let user = create_session_for_user_request::User::Email(squatted.email.clone());
    let opened = users
        .open(CreateSessionForUserRequest {
            user: Some(user),
            ..CreateSessionForUserRequest::default()
        })
        .await;
    assert_eq!(Fault::from(opened).reason, "EMAIL_NOT_VERIFIED");
}
