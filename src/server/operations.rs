//! The operations port: what an orchestrator's probes ask. Answers are fixed texts, nothing is
//! checked per request, and there is nothing to administer.

use axum::{
    Router,
    extract::State,
    http::{HeaderName, StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use tokio::sync::watch;

use super::readiness::Readiness;

const HEADERS: [(HeaderName, &str); 2] = [
    (header::CONTENT_TYPE, "application/json"),
    (header::CACHE_CONTROL, "no-store"),
];

/// `/livez` and `/readyz`, for GET and HEAD.
pub(super) fn router(readiness: watch::Receiver<Readiness>) -> Router {
    Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .with_state(readiness)
}

/// Asks nothing: a restart would not bring a lost database back.
async fn live() -> impl IntoResponse {
    (HEADERS, r#"{"status":"live"}"#)
}

async fn ready(State(readiness): State<watch::Receiver<Readiness>>) -> impl IntoResponse {
    let (status, body) = match *readiness.borrow() {
        Readiness::Ready => (StatusCode::OK, r#"{"status":"ready"}"#.to_owned()),
        Readiness::Failing(check) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!(r#"{{"status":"failing","check":"{}"}}"#, check.name()),
        ),
    };
    (status, HEADERS, body)
}
