//! What every call of either protocol passes before and after its handler: ids, limits, the one
//! deadline, isolation of panics, the drain's end, the form of errors, one line in the log and the
//! metrics.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture};
use http::{Request, Version, header::HOST};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tower::{BoxError, Service, ServiceExt};
use tracing::Instrument;

use super::{
    answer,
    call_log::CallLog,
    call_metrics::CallMetrics,
    call_name::CallName,
    caller::Gate,
    deadline::{Ends, grpc_timeout},
    failure::Failure,
    grpc,
    protocol::Protocol,
    request_id,
    stream::StreamBody,
};
use crate::auth::CallContext;

/// Awaited before each handler, with the RPC's path (`/vestibule.v1.AuthService/ValidLogin`) or
/// `METHOD /path`: tests hold, count and break calls with it.
pub type BeforeHandler = Arc<dyn Fn(&str) -> BoxFuture<'static, ()> + Send + Sync>;

/// What the edge is set to.
#[derive(Clone)]
pub struct EdgeSettings {
    /// The longest that a call may take; a stream has its client's `grpc-timeout` alone.
    pub request_timeout: Duration,
    pub gate: Arc<Gate>,
    /// Where tests hold calls; `None` in the binary.
    pub before_handler: Option<BeforeHandler>,
    /// Cancelled when the drain's grace is over: what still runs is answered UNAVAILABLE.
    pub cut: CancellationToken,
}

/// The service around a protocol's router. It needs tokio's timer.
#[derive(Clone)]
pub struct Edge<S> {
    inner: S,
    protocol: Protocol,
    settings: EdgeSettings,
    calls: Arc<CallMetrics>,
}

impl<S> Edge<S> {
    /// Wraps a protocol's router.
    pub fn new(inner: S, protocol: Protocol, settings: EdgeSettings) -> Self {
        Self {
            inner,
            protocol,
            settings,
            calls: Arc::new(CallMetrics::new(protocol)),
        }
    }

    /// The calls that pass, counted.
    pub(crate) fn calls(&self) -> Arc<CallMetrics> {
        Arc::clone(&self.calls)
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
        // A router is always ready, and `oneshot` asks it all the same.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let edge = self.clone();
        let request_id = request_id::request_id(request.headers());
        let log = CallLog::begin(edge.protocol, &request, &request_id, edge.calls());
        let span = log.span();
        let request = request.map(Body::new);
        let serve = async move { Ok(edge.serve(request, &request_id, log).await) };
        Box::pin(serve.instrument(span))
    }
}

impl<S, R> Edge<S>
where
    S: Service<Request<Body>, Response = Response<R>, Error = Infallible>,
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    async fn serve(
        self,
        mut request: Request<Body>,
        request_id: &str,
        mut log: CallLog,
    ) -> Response<Body> {
        // What is not gRPC cannot read a gRPC status.
        let not_grpc = match self.protocol {
            Protocol::Grpc => grpc::refusal(&request),
            Protocol::Rest => None,
        };
        let dialect = match not_grpc {
            Some(_) => Protocol::Rest,
            None => self.protocol,
        };
        let name = log.name();
        let (answered, stream) = match self.admit(name, &mut request, request_id, not_grpc) {
            Ok(ends) => {
                let stream = name.streams.then(|| ends.clone());
                (self.run(name, request, ends).await, stream)
            }
            Err(failure) => (failure.into_response(), None),
        };
        let failure = answer::failure_in(dialect, &answered);
        let answer = answer::finish(dialect, answered, failure.as_ref(), request_id);
        match stream {
            Some(ends) if failure.is_none() => {
                answer.map(|body| Body::new(StreamBody::new(body, ends, request_id, log)))
            }
            Some(_) | None => {
                log.outcome(dialect, answer.status(), failure.as_ref());
                answer
            }
        }
    }

    /// Checks what needs no handler, and gives the handler its deadline.
    fn admit(
        &self,
        name: &CallName,
        request: &mut Request<Body>,
        request_id: &str,
        not_grpc: Option<Failure>,
    ) -> Result<Ends, Failure> {
        let arrival = Instant::now();
        if let Some(failure) = request.extensions_mut().remove::<Failure>() {
            return Err(failure);
        }
        if let Some(failure) = not_grpc {
            return Err(failure);
        }
        if self.protocol == Protocol::Rest && !has_one_host(request) {
            return Err(Failure::Malformed);
        }
        let clients = match self.protocol {
            Protocol::Rest => None,
            Protocol::Grpc => grpc_timeout(request.headers())?,
        };
        let own = (!name.streams).then_some(self.settings.request_timeout);
        let limit = clients.into_iter().chain(own).min();
        let ends = Ends::new(arrival, limit, self.settings.cut.clone());
        if let Some(failure) = ends.already() {
            return Err(failure);
        }
        let call = CallContext::new(ends.deadline(), request_id.to_owned());
        request.extensions_mut().insert(call);
        Ok(ends)
    }

    async fn run(self, name: &CallName, mut request: Request<Body>, ends: Ends) -> Response<Body> {
        let work = async {
            let gate = &self.settings.gate;
            let admission = match gate.authorize(name, &mut request).await {
                Ok(admission) => admission,
                Err(failure) => return failure.into_response(),
            };
            if let Some(before_handler) = &self.settings.before_handler {
                let path = request.uri().path();
                match self.protocol {
                    Protocol::Grpc => before_handler(path).await,
                    Protocol::Rest => before_handler(&format!("{} {path}", request.method())).await,
                }
            }
            let handled = async {
                match self.inner.oneshot(request).await {
                    Ok(answer) => answer.map(Body::new),
                    Err(never) => match never {},
                }
            };
            if !name.streams {
                return handled.await;
            }
            tokio::select! {
                answer = handled => answer,
                // Apart, because few calls need it and every call would have to make room for it.
                failure = Box::pin(gate.denied(&admission)) => failure.into_response(),
            }
        };
        tokio::select! {
            // Past its end a call does not go on, even when it could.
            biased;
            failure = ends.reached() => failure.into_response(),
            done = AssertUnwindSafe(work).catch_unwind() => match done {
                Ok(answer) => answer,
                // The text of a panic may quote input.
                Err(_panic) => Failure::internal("the handler panicked").into_response(),
            },
        }
    }
}

/// RFC 9112 §3.2: with two hosts, or none in HTTP/1.1, a proxy before this service may have meant another
/// one.
fn has_one_host(request: &Request<Body>) -> bool {
    let hosts = request.headers().get_all(HOST).iter().count();
    hosts == 1 || (hosts == 0 && request.version() != Version::HTTP_11)
}

#[cfg(test)]
mod tests;
