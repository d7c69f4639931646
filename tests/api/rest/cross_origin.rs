//! What browsers send for pages of other origins.

use http::StatusCode;

use super::FORM;
use crate::harness::{Server, email};

on_both_databases!(a_form_of_another_origin_registers_nobody);

async fn a_form_of_another_origin_registers_nobody(app: Server) {
    let rest = app.rest();
    let form = |address: &str| format!("email={address}&password=a+canary+sings+at+nine");
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
    ] {
        let request = rest.request("POST", "/users").header("content-type", FORM);
        let reply = rest.send(request.header(name, value), form(&email())).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN);
        assert_eq!(reply.reason(), "CROSS_ORIGIN");
    }
    assert_eq!(app.store.rows("users").await, 0);
    let request = rest.request("POST", "/users").header("content-type", FORM);
    let request = request.header("sec-fetch-site", "same-origin");
    let reply = rest.send(request, form(&email())).await;
    assert_eq!(reply.status, StatusCode::CREATED);
    // Reading changes nothing.
    let request = rest
        .request("GET", "/")
        .header("sec-fetch-site", "cross-site");
    assert_eq!(rest.send(request, "").await.status, StatusCode::OK);
}
