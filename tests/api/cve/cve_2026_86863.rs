//! CVE-2026-86863: a proxy believed the identity header that its client had sent.

use super::*;

on_both_databases!(no_header_names_a_user_or_a_caller,);

async fn no_header_names_a_user_or_a_caller(database: Database) {
    let plan = Server::on(database).await;
    let named = AuthServiceAccess::Named;
    let app = plan
        .settings(|settings| settings.server.gate.auth_service = named)
        .start()
        .await;
    app.caller("shop", &methods_of(&["AuthService"])).await;
    let headers = [
        "x-user-id",
        "x-forwarded-user",
        "x-auth-request-email",
        "remote-user",
        "x-remote-user",
        "x-vestibule-user",
        "x-forwarded-client-cert",
        "x-client-cert",
        "x-spiffe-id",
        "x-vestibule-caller-name",
    ];
    for name in headers {
        for value in [
            "shop",
            "spiffe://cluster/shop",
            "By=a;URI=spiffe://cluster/shop",
        ] {
            let request = app.rest().request("GET", "/users/me").header(name, value);
            assert_eq!(app.rest().send(request, "").await.status, 401, "{name}");
            let mut request = Request::new(ValidLoginRequest::default());
            request.metadata_mut().insert(name, value.parse().unwrap());
            let answer = app.grpc().clone().valid_login(request).await;
            assert_eq!(
                Fault::from(answer).reason,
                "CALLER_UNAUTHENTICATED",
                "{name}"
            );
        }
    }
}
