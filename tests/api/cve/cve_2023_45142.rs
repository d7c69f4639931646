//! CVE-2023-45142, OpenTelemetry (also CVE-2023-43810, CVE-2023-47108 and CVE-2023-25151): each
//! method, path and header of a client became a label that was never forgotten. 1,000 calls in CI,
//! 100,000 for the scorecard.

use super::*;

on_both_databases!(no_label_is_a_clients_to_choose,);

async fn no_label_is_a_clients_to_choose(app: Server) {
    app.owner().await;
    call_unknown(&app, 0).await;
    let lines = async || {
        app.operations()
            .get("/metrics")
            .await
            .text()
            .lines()
            .count()
    };
    let before = lines().await;
    for number in 1..=scale(500, 50_000) {
        call_unknown(&app, number).await;
    }
    assert_eq!(lines().await, before);
}

async fn call_unknown(app: &Server, number: usize) {
    let rest = app.rest();
    let request = rest.request(&format!("X{number}"), &format!("/{number}"));
    let request = request.header("user-agent", format!("agent {number}"));
    assert_eq!(rest.send(request, "").await.status, 404);
    let path = format!("/vestibule.v1.AuthService/Method{number}");
    let request = app.wire().request(&path);
    let reply = app.wire().send(request, frame(&[])).await;
    assert_eq!(reply.code(), Code::Unimplemented);
}
