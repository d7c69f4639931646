//! The operations port, for an orchestrator's probes and for Prometheus. A request checks nothing: the
//! answer is known already. The port has no administrative function.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{HeaderName, StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use tokio::sync::watch;

use super::{
    metrics::{self, Metrics},
    readiness::Readiness,
};

const HEADERS: [(HeaderName, &str); 2] = [
    (header::CONTENT_TYPE, "application/json"),
    (header::CACHE_CONTROL, "no-store"),
];

/// `/livez`, `/readyz` and `/metrics`, for GET and HEAD.
pub(super) fn router(metrics: Metrics) -> Router {
    Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .with_state(metrics.readiness.clone())
        .route("/metrics", get(scrape))
        .with_state(Arc::new(metrics))
}

/// Does not depend on the database: a restart would not bring a lost one back.
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

async fn scrape(State(metrics): State<Arc<Metrics>>) -> impl IntoResponse {
    let headers = [(header::CONTENT_TYPE, metrics::CONTENT_TYPE)];
    (headers, metrics.render())
}
