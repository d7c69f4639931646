//! What every call of either protocol passes before and after its handler.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tower::{BoxError, Service, ServiceExt};

/// Request extension: who is at the other end of the connection. The accept loop inserts it.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// Request extension: when a streaming call ends by its client's own `grpc-timeout`.
#[derive(Debug, Clone, Copy)]
pub struct GrpcTimeout(pub Option<Instant>);

/// What a port speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// gRPC over HTTP/2.
    Grpc,
    /// The REST gateway.
    Rest,
}

/// Awaited before each handler, with the RPC's path or `METHOD /path`; tests hold and break calls with it.
pub type BeforeHandler = Arc<dyn Fn(&str) -> BoxFuture<'static, ()> + Send + Sync>;

/// What the edge is set to.
#[derive(Clone)]
pub struct EdgeSettings {
    /// The longest that a call may take.
    pub request_timeout: Duration,
    /// See `BeforeHandler`.
    pub before_handler: Option<BeforeHandler>,
    /// Cancelled when the drain's grace is over: what still runs is answered UNAVAILABLE.
    pub cut: CancellationToken,
}

/// The service around a protocol's router.
#[derive(Clone)]
pub struct Edge<S> {
    inner: S,
    protocol: Protocol,
    settings: EdgeSettings,
}

impl<S> Edge<S> {
    /// Wraps a protocol's router.
    pub fn new(inner: S, protocol: Protocol, settings: EdgeSettings) -> Self {
        Self {
            inner,
            protocol,
            settings,
        }
    }
}

impl<S, B, R> Service<Request<B>> for Edge<S>
where
    S: Service<Request<Body>, Response = Response<R>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let inner = self.inner.clone();
        Box::pin(async move { Ok(inner.oneshot(request.map(Body::new)).await?.map(Body::new)) })
    }
}
#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn both_protocols_fit() {
        fn fits<
            S: Service<
                    Request<hyper::body::Incoming>,
                    Response = Response<Body>,
                    Error = Infallible,
                > + Clone
                + Send
                + 'static,
        >(
            _: S,
        ) {
        }
        let settings = EdgeSettings {
            request_timeout: Duration::from_secs(1),
            before_handler: None,
            cut: CancellationToken::new(),
        };
        fits(Edge::new(
            tonic::service::Routes::default(),
            Protocol::Grpc,
            settings.clone(),
        ));
        fits(Edge::new(axum::Router::new(), Protocol::Rest, settings));
    }
}
