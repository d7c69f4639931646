//! What a call leaves in the metrics.

use super::*;

/// Calls by method or route, and code.
fn counted(calls: &CallMetrics) -> Vec<(&'static str, &'static str, u64)> {
    calls
        .series()
        .map(|calls| {
            let name = calls.route.unwrap_or(calls.method);
            (name, calls.code, calls.duration.inner().count())
        })
        .collect()
}

#[tokio::test]
async fn calls_are_counted_by_rpc_and_code() {
    let inner = service_fn(async |request: Request<Body>| {
        assert!(!request.headers().contains_key("panic"), "canary");
        Ok::<_, Infallible>(Response::new(Body::empty()))
    });
    let edge = Edge::new(inner, Protocol::Grpc, settings());
    let valid_login = || grpc_request(VALID_LOGIN);
    for request in [
        valid_login(),
        valid_login(),
        valid_login().header("panic", ""),
        valid_login().header("grpc-timeout", "0n"),
        grpc_request("/canary/Canary"),
        Request::get(VALID_LOGIN),
    ] {
        let request = request.body(Body::empty()).unwrap();
        edge.clone().oneshot(request).await.unwrap();
    }
    let gone = valid_login().body(Body::empty()).unwrap();
    drop(edge.clone().call(gone));

    let method = &VALID_LOGIN[1..];
    assert_eq!(
        counted(&edge.calls()),
        [
            (method, "OK", 2),
            (method, "CANCELLED", 1),
            (method, "DEADLINE_EXCEEDED", 1),
            (method, "UNIMPLEMENTED", 1),
            (method, "INTERNAL", 1),
            ("_OTHER", "UNIMPLEMENTED", 1),
        ]
    );
}

#[tokio::test]
async fn requests_are_counted_by_route_and_status() {
    let inner = service_fn(async |_: Request<Body>| {
        let created = StatusCode::CREATED;
        Ok::<_, Infallible>((created, "").into_response())
    });
    let edge = Edge::new(inner, Protocol::Rest, settings());
    for request in [
        Request::post("/users"),
        Request::get("/users/canary"),
        Request::get("/users/canary2"),
        Request::get("/canary"),
    ] {
        let request = request.header("host", "a").body(Body::empty()).unwrap();
        edge.clone().oneshot(request).await.unwrap();
    }
    let gone = Request::get("/").body(Body::empty()).unwrap();
    drop(edge.clone().call(gone));
    assert_eq!(
        counted(&edge.calls()),
        [
            ("/", "499", 1),
            ("/users/{id}", "201", 2),
            ("_OTHER", "404", 1),
            ("/users", "201", 1),
        ]
    );
}
