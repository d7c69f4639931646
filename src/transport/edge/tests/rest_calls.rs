//! REST calls through the edge.

use axum::{Router, routing::get};
use serde_json::json;

use super::*;
use crate::auth::AuthError;

async fn call<F, Fut>(request: http::request::Builder, handler: F) -> Response<Body>
where
    F: Fn(Request<Body>) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Response<Body>> + Send + 'static,
{
    through(settings(), Protocol::Rest, request, handler).await
}

async fn fails(failure: impl Into<Failure>) -> Response<Body> {
    let failure = failure.into();
    let request = Request::get("/").header("x-request-id", "r-1");
    call(request, move |_| ready(failure.clone().into_response())).await
}

/// (W23)
#[tokio::test]
async fn a_problem_has_exactly_the_promised_members() {
    let answer = fails(AuthError::EmailTaken).await;
    assert_eq!(answer.status(), 409);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let expected = json!({
        "type": "urn:vestibule:error:EMAIL_TAKEN",
        "title": "email already registered",
        "status": 409,
        "detail": "email already registered",
        "message": "email already registered",
        "reason": "EMAIL_TAKEN",
        "request_id": "r-1",
        "errors": [],
    });
    assert_eq!(json(answer).await, expected);
}

/// (W10)
#[tokio::test]
async fn a_problem_lists_every_fault() {
    let reason = crate::proto::v1::ErrorReason::InvalidEmail;
    let violation = crate::transport::failure::Violation::new("email", reason, "must be one");
    let answer = fails(Failure::invalid_input(vec![violation])).await;
    let expected = json!([{"field": "email", "reason": "INVALID_EMAIL", "message": "must be one"}]);
    assert_eq!(json(answer).await["errors"], expected);
}

#[tokio::test]
async fn headers_tell_waits_and_schemes() {
    let retry_after = Duration::from_millis(1001);
    let overloaded = fails(AuthError::Overloaded { retry_after }).await;
    assert_eq!(overloaded.headers()["retry-after"], "2");
    let away = fails(Failure::Draining).await;
    assert_eq!(away.headers()["retry-after"], "1");
    let session = fails(AuthError::SessionInvalid).await;
    assert_eq!(session.headers()["www-authenticate"], "Bearer");
}

/// (W22)
#[tokio::test]
async fn every_answer_is_kept_out_of_caches_and_has_its_request_id() {
    let request = || Request::get("/").header("x-request-id", "r-1");
    for answer in [
        call(request(), ok).await,
        call(request(), panics).await,
        call(request().header("x", "y".repeat(20 << 10)), panics).await,
    ] {
        let headers = answer.headers();
        assert_eq!(headers["cache-control"], "no-store");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["x-request-id"], "r-1");
        let names: Vec<_> = headers.keys().map(http::HeaderName::as_str).collect();
        let of_browsers = |name: &&str| name.starts_with("access-control") || *name == "set-cookie";
        assert!(!names.iter().any(of_browsers), "{names:?}");
    }
}

#[tokio::test]
async fn the_edges_own_refusals_are_problems() {
    let get = || Request::get("/");
    let slow = short(Duration::from_millis(5));
    let large = get().header("x", "y".repeat(20 << 10));
    for (answer, status, reason) in [
        (call(get(), panics).await, 500, "INTERNAL"),
        (call(large, panics).await, 431, "MESSAGE_TOO_LARGE"),
        (
            through(slow, Protocol::Rest, get(), never).await,
            504,
            "DEADLINE_EXCEEDED",
        ),
    ] {
        assert_eq!(answer.status(), status);
        assert_eq!(json(answer).await["reason"], reason);
    }
}

#[tokio::test]
async fn a_grpc_timeout_means_nothing_here() {
    let answer = call(Request::get("/").header("grpc-timeout", "0n"), ok).await;
    assert_eq!(answer.status(), 200);
}

/// (W23)
#[tokio::test]
async fn unknown_routes_and_methods_are_problems() {
    let router = Router::new().route("/", get(|| async {}));
    let edge = Edge::new(router, Protocol::Rest, settings());
    for (method, path, status) in [
        ("GET", "/", 200),
        ("HEAD", "/", 200),
        ("GET", "/no", 404),
        ("PUT", "/", 405),
        ("OPTIONS", "/", 405),
    ] {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("host", "a").body(Body::empty()).unwrap();
        let answer = edge.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), status, "{method} {path}");
        if status == 405 {
            assert_eq!(answer.headers()["allow"], "GET,HEAD");
        }
        if status >= 400 {
            assert_eq!(json(answer).await["reason"], "UNSUPPORTED");
        }
    }
}
