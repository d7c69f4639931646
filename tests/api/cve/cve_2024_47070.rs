//! CVE-2024-47070, authentik: a forged `X-Forwarded-For` let a login pass without the password.

use super::*;

on_both_databases!(an_address_is_no_proof,);

async fn an_address_is_no_proof(app: Server) {
    let owner = app.owner().await;
    for address in [
        "127.0.0.1",
        "",
        "a",
        "unknown",
        "::1, 127.0.0.1",
        "\"",
        "1.2.3.4:x",
    ] {
        for name in ["x-forwarded-for", "forwarded", "x-real-ip"] {
            let mut request = Request::new(ValidLoginRequest {
                email: owner.email.clone(),
                ..ValidLoginRequest::default()
            });
            request
                .metadata_mut()
                .insert(name, address.parse().unwrap());
            let answer = app.grpc().clone().valid_login(request).await;
            assert!(
                !answer.is_ok_and(|answer| answer.into_inner().valid),
                "{address}"
            );
            let request = app.rest().request("GET", "/users/me").header(name, address);
            assert_eq!(app.rest().send(request, "").await.status, 401, "{address}");
        }
    }
}
