//! The operations port, for an orchestrator's probes and for Prometheus. A request checks nothing: the
//! answer is known already. The port has no administrative function.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use prometheus_client::{encoding::prometheus_text, registry::Registry};
use tokio::sync::watch;

use super::{
    connection_limit::ConnectionLimit,
    metrics::{Metrics, render},
    readiness::Readiness,
};

const HEADERS: [(HeaderName, &str); 2] = [
    (header::CONTENT_TYPE, "application/json"),
    (header::CACHE_CONTROL, "no-store"),
];

/// `/livez`, `/readyz` and `/metrics`, for GET and HEAD. When half of the port's connections are open,
/// each is closed after its answer: connections that are kept open must not keep a probe out, or a
/// healthy service would be restarted.
pub(super) fn router(metrics: Metrics, connections: ConnectionLimit) -> Router {
    Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .with_state(metrics.readiness.clone())
        .route("/metrics", get(scrape))
        .with_state(Arc::new(metrics.into_registry()))
        .layer(middleware::map_response_with_state(
            connections,
            close_when_crowded,
        ))
}

async fn close_when_crowded(
    State(connections): State<ConnectionLimit>,
    mut answer: Response,
) -> Response {
    if 2 * connections.open() > connections.most() {
        let close = HeaderValue::from_static("close");
        answer.headers_mut().insert(header::CONNECTION, close);
    }
    answer
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

async fn scrape(State(registry): State<Arc<Registry>>) -> Result<impl IntoResponse, StatusCode> {
    let text = render(&registry).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let headers = [(header::CONTENT_TYPE, prometheus_text::CONTENT_TYPE)];
    Ok((headers, text))
}
