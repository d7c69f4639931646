//! One connection from accept to close: the facts about it that its calls carry, and its end when
//! the service drains or a new connection needs its place.

use std::{
    convert::Infallible,
    future::pending,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{Arc, atomic::Ordering},
    time::Duration,
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
use crate::transport::{AwaitedSince, Peer, ReceivedBody};

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
    /// `None`: connections may grow as old as they like.
    age: Option<Duration>,
    signals: ShutdownSignals,
    tasks: TaskTracker,
}

/// A request whose body is charged as it is read.
pub(super) type Received = Request<ReceivedBody<Incoming>>;

/// The service of a port: a short name for tower's bounds.
pub(super) trait HttpService:
    Service<Received, Response = Response<Body>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> HttpService for S where
    S: Service<Received, Response = Response<Body>, Error = Infallible, Future: Send>
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
            age: None,
            signals,
            tasks,
        }
    }

    pub(super) fn with_tls(self, tls: Option<Arc<tls::Acceptor>>) -> Self {
        Self { tls, ..self }
    }

    /// Lets connections grow so old, a tenth more or less, and then finish their calls.
    pub(super) fn with_age(self, age: Duration) -> Self {
        let age = Some(age);
        Self { age, ..self }
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
            service: self.service.map_request(move |mut request: Received| {
                if let Some(names) = &names {
                    request.extensions_mut().insert(names.clone());
                }
                request
            }),
            tls: None,
            age: self.age,
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
        let calls = slot.calls();
        let service = service_fn({
            let (service, calls) = (self.service.clone(), Arc::clone(&calls));
            move |mut request: Request<Incoming>| {
                let awaited = AwaitedSince(calls.awaiting_since());
                let open = calls.begin();
                request.extensions_mut().insert(Peer(peer));
                request.extensions_mut().insert(awaited);
                // Before anything is awaited: what is too large is not kept for as long.
                let (request, call) = calls.memory().begin(request);
                let answer = service.clone().oneshot(request);
                async move {
                    let _open = open;
                    answer.await.map(|answer| call.charge(answer))
                }
            }
        });
        // Pinned once: a future that is handed on has room in each that holds it.
        let connection = pin!(self.builder.serve_connection(io, service));
        let aged = async {
            match self.age {
                Some(age) => sleep(slot.jittered(age)).await,
                None => pending().await,
            }
        };
        select! {
            // An error here is the peer's: it spoke no HTTP, or the connection broke.
            () = drive_connection(connection, &calls, &self.signals, preface_received, aged) => {}
            () = slot.evicted() => {}
        }
    }
}

/// Polls a connection to its end, and shuts it down gracefully once it has aged or the port is closing.
async fn drive_connection<C: GracefulConnection>(
    mut connection: Pin<&mut C>,
    calls: &ConnectionCalls,
    signals: &ShutdownSignals,
    preface_received: impl Fn() -> bool,
    aged: impl Future<Output = ()>,
) {
    select! {
        _ = connection.as_mut() => return,
        () = signals.closing.cancelled() => {}
        () = aged => {
            connection.as_mut().graceful_shutdown();
            select! {
                _ = connection.as_mut() => return,
                () = signals.closing.cancelled() => {}
            }
        }
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
