//! CVE-2024-3656, Keycloak: users could call the methods of administrators.

use super::*;

on_both_databases!(a_user_is_no_caller,);

async fn a_user_is_no_caller(app: Server) {
    let owner = app.owner().await;
    for method in methods_of(&["UserService", "AuditService"]) {
        let path = format!("/vestibule.v1.{method}");
        let bearer = format!("Bearer {}", owner.token);
        let request = app.wire().request(&path).header("authorization", bearer);
        let answer = app.wire().send(request, frame(&[])).await;
        assert_eq!(answer.code(), Code::Unauthenticated, "{method}");
    }
}
