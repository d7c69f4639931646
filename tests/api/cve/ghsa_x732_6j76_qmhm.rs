//! GHSA-x732-6j76-qmhm, better-auth: `//path` was the route `/path`, past what was said of that
//! path.

use super::*;

on_both_databases!(a_path_has_one_spelling,);

async fn a_path_has_one_spelling(app: Server) {
    let owner = app.owner().await;
    for path in [
        "//users/me",
        "/users//me",
        "/users/me/",
        "/./users/me",
        "/users/../users/me",
    ] {
        let reply = app.rest().get_as(&owner.token, path).await;
        assert_eq!(reply.status, 404, "{path}");
    }
    for path in [
        "//vestibule.v1.AuthService/ValidLogin",
        "/vestibule.v1.AuthService//ValidLogin",
        "/vestibule.v1.AuthService/ValidLogin/",
        "/vestibule.v1.authservice/validlogin",
        "/vestibule.v1.AuthService/%56alidLogin",
    ] {
        let request = app.wire().request(path);
        let reply = app.wire().send(request, frame(&[])).await;
        assert_eq!(reply.code(), Code::Unimplemented, "{path}");
    }
}
