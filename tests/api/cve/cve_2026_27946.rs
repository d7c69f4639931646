//! CVE-2026-27946, ZITADEL: users could say themselves that their address was verified.

use super::*;

on_both_databases!(nobody_verifies_an_address_by_saying_so,);

async fn nobody_verifies_an_address_by_saying_so(app: Server) {
    let address = email();
    let body = format!(
        r#"{{"email":"{address}","password":"{PASSWORD}","email_verified":true,"emailVerified":true}}"#
    );
    let reply = app.rest().post("/users", "application/json", body).await;
    assert_eq!(reply.status, 400, "an unknown field is told");
    let user = app.grpc().register(&address, PASSWORD).await.unwrap();
    assert!(user.email_verified_at.is_none());
    let token = app.session_of(&address).await;
    let seen = app.account().get(&token).await.unwrap();
    assert!(seen.email_verified_at.is_none());
}
