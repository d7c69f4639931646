//! CVE-2026-82469, Rodauth: a token that had been handed on was renewed by another method than
//! POST.

use super::*;

on_both_databases!(no_other_method_renews_anything,);

async fn no_other_method_renews_anything(app: Server) {
    let owner = app.owner().await;
    for method in ["GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"] {
        for path in ["/users", "/users/me/sessions", "/sessions", "/token"] {
            let request = app.rest().request(method, path);
            let bearer = format!("Bearer {}", owner.token);
            let reply = app
                .rest()
                .send(request.header("authorization", bearer), "")
                .await;
            assert!(
                [404, 405].contains(&reply.status.as_u16()),
                "{method} {path}"
            );
        }
    }
    assert_eq!(app.store.rows("sessions").await, 1);
}
