//! One connection from accept to close: what its calls are told about it, and how it ends when the
//! service drains or its place is needed.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::pin,
    sync::{Arc, atomic::Ordering},
};

use axum::body::Body;
use hyper::{
    Request, Response,
    body::Incoming,
    rt::{Read, Write},
    service::service_fn,
};
use hyper_util::{
    rt::TokioIo,
    server::{conn::auto, graceful::GracefulConnection},
};
use tokio::{net::TcpStream, select};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::{Service, ServiceExt};

use super::{
    calls::Calls,
    header_timeout::HeaderTimeout,
    http::{HEADER_TIMEOUT, Http, Tasks, builder},
    limit::Slot,
};
use crate::transport::{AwaitedSince, Peer};

/// When the connections of a port end.
#[derive(Clone)]
pub(super) struct Ending {
    /// No new connection; the open ones finish their calls.
    pub(super) closing: CancellationToken,
    /// What is still open is dropped.
    pub(super) abort: CancellationToken,
}

/// Serves the connections of one port.
#[derive(Clone)]
pub(super) struct Connections<S> {
    http: Http,
    builder: auto::Builder<Tasks>,
    service: S,
    ending: Ending,
    tasks: TaskTracker,
}

/// What a port serves: short for tower's bounds.
pub(super) trait HttpService:
    Service<Request<Incoming>, Response = Response<Body>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> HttpService for S where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

impl<S: HttpService> Connections<S> {
    /// Connections that call `service`; each, and each of its calls, is a task of `tasks`.
    pub(super) fn new(http: Http, service: S, ending: Ending, tasks: TaskTracker) -> Self {
        Self {
            http,
            builder: builder(http, &tasks),
            service,
            ending,
            tasks,
        }
    }

    /// Cancelled when the port accepts no more.
    pub(super) fn closing(&self) -> CancellationToken {
        self.ending.closing.clone()
    }

    /// Serves one in a task of its own, so that a panic ends this connection alone.
    pub(super) fn spawn(&self, stream: TcpStream, peer: SocketAddr, slot: Slot) {
        let connections = self.clone();
        self.tasks.spawn(async move {
            // Where this fails the peer is gone already, which the first read will tell.
            let _ = stream.set_nodelay(true);
            match connections.http {
                Http::One => {
                    let io = TokioIo::new(stream);
                    connections.serve(io, peer, slot, || true).await;
                }
                Http::Two => {
                    let io = HeaderTimeout::new(stream, HEADER_TIMEOUT);
                    let greeted = io.greeted();
                    let greeted = || greeted.load(Ordering::Relaxed);
                    connections
                        .serve(TokioIo::new(io), peer, slot, greeted)
                        .await;
                }
            }
        });
    }

    async fn serve<Io>(&self, io: Io, peer: SocketAddr, slot: Slot, greeted: impl Fn() -> bool)
    where
        Io: Read + Write + Unpin + Send + 'static,
    {
        let calls = Arc::new(Calls::new(slot.seat()));
        let service = service_fn({
            let (service, calls) = (self.service.clone(), Arc::clone(&calls));
            move |mut request: Request<Incoming>| {
                let awaited = AwaitedSince(calls.awaiting_since());
                let call = calls.begin();
                request.extensions_mut().insert(Peer(peer));
                request.extensions_mut().insert(awaited);
                let answer = service.clone().oneshot(request);
                async move {
                    let _call = call;
                    answer.await
                }
            }
        });
        let connection = self.builder.serve_connection(io, service);
        select! {
            // An error here is the peer's: no HTTP, or a connection that broke.
            () = drive(connection, &calls, &self.ending, greeted) => {}
            () = slot.evicted() => {}
        }
    }
}

/// Polls a connection to its end, gracefully once the port is closing.
async fn drive<C: GracefulConnection>(
    connection: C,
    calls: &Calls,
    ending: &Ending,
    greeted: impl Fn() -> bool,
) {
    let mut connection = pin!(connection);
    select! {
        _ = connection.as_mut() => return,
        () = ending.closing.cancelled() => {}
    }
    if !greeted() {
        return;
    }
    connection.as_mut().graceful_shutdown();
    select! {
        _ = connection => {}
        () = calls.quiet() => {}
        () = ending.abort.cancelled() => {}
    }
}
