//! GHSA-7qjx-gp9h-65qj, Dex, and SuperTokens' keys (CVE-2026-123800): one way to a token forgot
//! what the client was allowed.

use super::*;

on_both_databases!(every_method_asks_for_its_grant,);

async fn every_method_asks_for_its_grant(app: Server) {
    let methods = methods_of(&["UserService", "AuditService"]);
    let granted = "UserService/FindUser";
    let key = app.caller("desk", &[granted]).await;
    let mut refused = 0;
    for method in methods
        .iter()
        .filter(|method| !method.ends_with("FindUser"))
    {
        let path = format!("/vestibule.v1.{method}");
        let bearer = format!("Bearer {key}");
        let request = app.wire().request(&path).header("authorization", bearer);
        let answer = app.wire().send(request, frame(&[])).await;
        assert_eq!(answer.code(), Code::PermissionDenied, "{method}");
        refused += 1;
    }
    assert_eq!(refused, methods.len() - 1);
}
