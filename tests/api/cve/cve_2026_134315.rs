//! CVE-2026-134315, better-auth: a link that changes an address named two addresses and no user.

use super::*;

on_both_databases!(a_change_of_address_is_its_users_alone,);

async fn a_change_of_address_is_its_users_alone(app: Server) {
    let (first, address) = (app.owner().await, email());
    let token = app.issue(&first.email, Issue::to(&address)).await;
    // The first user leaves, and another takes the address that it had.
    app.account().close(&first.token, PASSWORD).await.unwrap();
    let second = app.grpc().register(&first.email, PASSWORD).await.unwrap();
    let confirmed = app.account().confirm_email_change(&token).await;
    assert_eq!(Fault::from(confirmed).reason, "TOKEN_INVALID");
    let session = app.session_of(&first.email).await;
    let user = app.account().get(&session).await.unwrap();
    assert_eq!((user.id, user.email), (second.id, first.email));
}
