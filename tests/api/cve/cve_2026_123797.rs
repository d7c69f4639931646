//! CVE-2026-123797, SuperTokens: a tenant that does not exist, and an older version of the
//! protocol, went past the API key.

use super::*;

on_both_databases!(an_unknown_path_or_version_goes_past_no_key,);

async fn an_unknown_path_or_version_goes_past_no_key(database: Database) {
    let plan = Server::on(database).await;
    let named = AuthServiceAccess::Named;
    let app = plan
        .settings(|settings| settings.server.gate.auth_service = named)
        .start()
        .await;
    for path in [
        "/ghost/vestibule.v1.UserService/ListUsers",
        "/vestibule.v0.UserService/ListUsers",
        "/vestibule.v2.UserService/ListUsers",
        "/UserService/ListUsers",
        "/vestibule.v1.UserService/ListUsers",
    ] {
        let request = app.wire().request(path).header("cdi-version", "2.0");
        let reply = app.wire().send(request, frame(&[])).await;
        let refused = [Code::Unimplemented, Code::Unauthenticated];
        assert!(refused.contains(&reply.code()), "{path}");
    }
}
