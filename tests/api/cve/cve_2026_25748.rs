//! CVE-2026-25748, authentik: a cookie that could not be read let the request through.

use super::*;

on_both_databases!(a_credential_that_cannot_be_read_is_refused,);

async fn a_credential_that_cannot_be_read_is_refused(database: Database) {
    let plan = Server::on(database).await;
    let named = AuthServiceAccess::Named;
    let app = plan
        .settings(|settings| settings.server.gate.auth_service = named)
        .start()
        .await;
    let broken = [
        "Bearer",
        "Bearer ",
        "Bearer ,",
        "Basic YTpi",
        "bearer\tx",
        "Bearer \"",
        "%",
    ];
    for header in broken {
        let request = app.rest().request("GET", "/users/me");
        let request = request.header("authorization", header);
        let request = request.header("cookie", "session=%; =; authorization=Bearer x");
        assert_eq!(app.rest().send(request, "").await.status, 401, "{header:?}");
        let mut request = Request::new(ValidLoginRequest::default());
        let value = header.parse().unwrap();
        request.metadata_mut().insert("authorization", value);
        let answer = app.grpc().clone().valid_login(request).await;
        assert_eq!(
            Fault::from(answer).reason,
            "CALLER_UNAUTHENTICATED",
            "{header:?}"
        );
    }
}
