//! What the edge promises whatever stands behind it.

mod grpc_calls;
mod log_lines;
mod metrics;
mod rest_calls;

use std::{
    future::{pending, ready},
    io,
    sync::atomic::{AtomicUsize, Ordering},
};

use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use prost::Message;
use tonic::Status;
use tower::service_fn;

use super::*;
use crate::{
    auth::Callers,
    proto::google::rpc::{self, ErrorInfo},
    transport::{AuthServiceAccess, ConnectionMemory, GateSettings, Proxies, Reflection},
};

const VALID_LOGIN: &str = "/vestibule.v1.AuthService/ValidLogin";

fn settings() -> EdgeSettings {
    short(Duration::from_mins(1))
}

fn short(request_timeout: Duration) -> EdgeSettings {
    EdgeSettings {
        request_timeout,
        gate: Arc::new(Gate::new(
            Callers::without_database(),
            GateSettings {
                auth_service: AuthServiceAccess::Open,
                reflection: Reflection::On,
                proxies: Proxies::default(),
            },
        )),
        before_handler: None,
        cut: CancellationToken::new(),
    }
}

fn grpc_request(path: &str) -> http::request::Builder {
    Request::post(path).header("content-type", "application/grpc")
}

/// Sends a request through an edge around a handler.
async fn through<F, Fut>(
    settings: EdgeSettings,
    protocol: Protocol,
    request: http::request::Builder,
    handler: F,
) -> Response<Body>
where
    F: Fn(Request<Body>) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Response<Body>> + Send + 'static,
{
    let inner = service_fn(move |request| handler(request).map(Ok::<_, Infallible>));
    let edge = Edge::new(inner, protocol, settings);
    let request = request.header("host", "a").body(Body::empty()).unwrap();
    let connection = Arc::new(ConnectionMemory::new(Arc::default()));
    let (request, call) = connection.begin(request);
    call.charge(edge.oneshot(request).await.unwrap())
}

async fn ok(_: Request<Body>) -> Response<Body> {
    Response::new(Body::empty())
}

async fn never(_: Request<Body>) -> Response<Body> {
    pending().await
}

async fn panics(_: Request<Body>) -> Response<Body> {
    panic!("canary")
}

/// Code and reason of a gRPC status.
fn code_and_reason(headers: &HeaderMap) -> (tonic::Code, String) {
    let status = Status::from_header_map(headers).expect("a status");
    let details = rpc::Status::decode(status.details()).unwrap().details;
    let info = ErrorInfo::decode(&*details[0].value).unwrap();
    (status.code(), info.reason)
}

async fn text(answer: Response<Body>) -> String {
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

async fn json(answer: Response<Body>) -> serde_json::Value {
    serde_json::from_str(&text(answer).await).unwrap()
}
