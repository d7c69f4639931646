//! One connection from accept to close: the facts about it that its calls carry, and its end when
//! the service drains or a new connection needs its place.

use std::{
    convert::Infallible,
    future::pending,
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
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    select,
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::{Service, ServiceExt};

use super::{
    calls::ConnectionCalls,
    connection_limit::Slot,
    header_timeout::HeaderTimeout,
    http::{HEADER_TIMEOUT, Http, Tasks, builder},
    tls,
};
use crate::transport::{AwaitedSince, Peer};

/// The two signals that end the connections of a port.
#[derive(Clone)]
pub(super) struct ShutdownSignals {
    /// Accept no new connection; let the open ones finish their calls.
    pub(super) closing: CancellationToken,
    /// Drop the connections that are still open.
    pub(super) abort: CancellationToken,
}

impl ShutdownSignals {
    /// The signals of one connection, which may end before its port.
    fn for_connection(&self) -> Self {
        Self {
            closing: self.closing.child_token(),
            abort: self.abort.child_token(),
        }
    }

    /// Closes the connection when the client's certificate expires, and resolves when the grace of
    /// its calls is over; never without a certificate.
    async fn close_after_expiry(&self, proof: Option<tls::Proof>) {
        let Some(proof) = proof else {
            return pending().await;
        };
        sleep(proof.expires_in).await;
        self.closing.cancel();
        sleep(proof.grace).await;
    }
}

/// Serves the connections of one port.
#[derive(Clone)]
pub(super) struct Connections<S> {
    http: Http,
    builder: auto::Builder<Tasks>,
    service: S,
    /// `None`: plaintext.
    tls: Option<Arc<tls::Acceptor>>,
    signals: ShutdownSignals,
    tasks: TaskTracker,
}

/// The service of a port: a short name for tower's bounds.
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
    /// Connections that call `service`. Each connection and each call is a task of `tasks`.
    pub(super) fn new(
        http: Http,
        service: S,
        signals: ShutdownSignals,
        tasks: TaskTracker,
    ) -> Self {
        Self {
            http,
            builder: builder(http, &tasks),
            service,
            tls: None,
            signals,
            tasks,
        }
    }

    pub(super) fn with_tls(self, tls: Option<Arc<tls::Acceptor>>) -> Self {
        Self { tls, ..self }
    }

    /// Cancelled when the port stops accepting.
    pub(super) fn closing(&self) -> CancellationToken {
        self.signals.closing.clone()
    }

    /// Serves a connection in a task of its own, so that a panic ends only this connection. Plaintext
    /// and TLS are two task types, so that plaintext carries no state of TLS.
    pub(super) fn spawn(&self, stream: TcpStream, peer: SocketAddr, slot: Slot) {
        // A failure means that the peer is gone, which the first read reports.
        let _ = stream.set_nodelay(true);
        let connections = self.clone();
        match self.tls.clone() {
            None => self.tasks.spawn(connections.serve_http(stream, peer, slot)),
            Some(tls) => self
                .tasks
                .spawn(connections.serve_tls(tls, stream, peer, slot)),
        };
    }

    /// Does the handshake, then serves until the connection ends or the client's certificate expires.
    async fn serve_tls(
        self,
        tls: Arc<tls::Acceptor>,
        stream: TcpStream,
        peer: SocketAddr,
        slot: Slot,
    ) {
        let secured = select! {
            secured = tls.accept(stream) => secured,
            () = slot.evicted() => None,
            () = self.signals.closing.cancelled() => None,
        };
        let Some((stream, proof)) = secured else {
            return;
        };
        let names = proof.as_ref().map(|proof| proof.names.clone());
        let signals = self.signals.for_connection();
        let connections = Connections {
            http: self.http,
            builder: self.builder,
            service: self
                .service
                .map_request(move |mut request: Request<Incoming>| {
                    if let Some(names) = &names {
                        request.extensions_mut().insert(names.clone());
                    }
                    request
                }),
            tls: None,
            signals: signals.clone(),
            tasks: self.tasks,
        };
        select! {
            () = connections.serve_http(stream, peer, slot) => {}
            () = signals.close_after_expiry(proof) => {}
        }
    }

    async fn serve_http<Io>(self, io: Io, peer: SocketAddr, slot: Slot)
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        match self.http {
            Http::One => self.serve(TokioIo::new(io), peer, slot, || true).await,
            Http::Two => {
                let io = HeaderTimeout::new(io, HEADER_TIMEOUT);
                let preface_received = io.preface_received();
                let preface_received = || preface_received.load(Ordering::Relaxed);
                self.serve(TokioIo::new(io), peer, slot, preface_received)
                    .await;
            }
        }
    }

    async fn serve<Io>(
        &self,
        io: Io,
        peer: SocketAddr,
        slot: Slot,
        preface_received: impl Fn() -> bool,
    ) where
        Io: Read + Write + Unpin + Send + 'static,
    {
        let calls = Arc::new(ConnectionCalls::new(slot.eviction_entry()));
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
            // An error here is the peer's: it spoke no HTTP, or the connection broke.
            () = drive_connection(connection, &calls, &self.signals, preface_received) => {}
            () = slot.evicted() => {}
        }
    }
}

/// Polls a connection to its end, and shuts it down gracefully once the port is closing.
async fn drive_connection<C: GracefulConnection>(
    connection: C,
    calls: &ConnectionCalls,
    signals: &ShutdownSignals,
    preface_received: impl Fn() -> bool,
) {
    let mut connection = pin!(connection);
    select! {
        _ = connection.as_mut() => return,
        () = signals.closing.cancelled() => {}
    }
    if !preface_received() {
        return;
    }
    connection.as_mut().graceful_shutdown();
    select! {
        _ = connection => {}
        () = calls.idle() => {}
        () = signals.abort.cancelled() => {}
    }
}
