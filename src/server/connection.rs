//! One connection from accept to close: the HTTP limits, what its calls are told about it, and how
//! it ends when the service drains or the place is needed.

use std::{
    convert::Infallible,
    future::Future,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::body::Body;
use hyper::{
    Request, Response,
    body::Incoming,
    rt::{Executor, Read, Write},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulConnection},
};
use tokio::{net::TcpStream, select, time::sleep};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::{Service, ServiceExt};

use super::{
    header_timeout::HeaderTimeout,
    limit::{Seat, Slot},
};
use crate::transport::Peer;

/// How long a preface, a frame or a request's headers may take.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// Mesh proxies carry many callers' calls over few connections.
const MAX_CONCURRENT_STREAMS: u32 = 256;
/// Past it a peer that provokes errors is sent away; hyper's own default, which must not be left to
/// the library (a `None` there means no limit).
const MAX_LOCAL_ERROR_RESET_STREAMS: usize = 1024;
/// h2's default of 20 is reached by callers that cancel in good faith.
const MAX_PENDING_ACCEPT_RESET_STREAMS: usize = 50;
/// The edge answers a list over 16 KiB with a reason; this one only bounds what it is shown.
const MAX_HEADER_LIST: u32 = 64 * 1024;
/// The same for HTTP/1, whose head must fit into the buffer.
const HTTP1_BUFFER: usize = 64 * 1024;
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// A draining connection on which nothing has happened for this long is closed: its peer may be
/// gone, and hyper waits for the answer to a ping.
const QUIET: Duration = Duration::from_secs(1);

/// What a port speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Http {
    /// HTTP/1.1 alone.
    One,
    /// HTTP/2 alone, by prior knowledge.
    Two,
}

/// Spawns what hyper spawns (one task per HTTP/2 call) where the drain can await it.
#[derive(Clone)]
struct Tasks(TaskTracker);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}

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
                let call = calls.begin();
                request.extensions_mut().insert(Peer(peer));
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

fn builder(http: Http, tasks: &TaskTracker) -> auto::Builder<Tasks> {
    let mut builder = auto::Builder::new(Tasks(tasks.clone()));
    match http {
        Http::One => {
            builder
                .http1()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIMEOUT)
                .max_buf_size(HTTP1_BUFFER);
            builder.http1_only()
        }
        Http::Two => {
            builder
                .http2()
                .timer(TokioTimer::new())
                .max_concurrent_streams(MAX_CONCURRENT_STREAMS)
                .max_local_error_reset_streams(MAX_LOCAL_ERROR_RESET_STREAMS)
                .max_pending_accept_reset_streams(MAX_PENDING_ACCEPT_RESET_STREAMS)
                .max_header_list_size(MAX_HEADER_LIST)
                .initial_stream_window_size(STREAM_WINDOW)
                .initial_connection_window_size(CONNECTION_WINDOW)
                .keep_alive_interval(KEEPALIVE_INTERVAL)
                .keep_alive_timeout(KEEPALIVE_TIMEOUT);
            builder.http2_only()
        }
    }
}

/// The calls of one connection, counted.
struct Calls {
    seat: Seat,
    begun: AtomicU64,
    ended: AtomicU64,
}

impl Calls {
    fn new(seat: Seat) -> Self {
        Self {
            seat,
            begun: AtomicU64::new(0),
            ended: AtomicU64::new(0),
        }
    }

    fn begin(self: &Arc<Self>) -> Call {
        if self.begun.fetch_add(1, Ordering::Relaxed) == 0 {
            self.seat.keep();
        }
        Call(Arc::clone(self))
    }

    fn counts(&self) -> (u64, u64) {
        let ended = self.ended.load(Ordering::Acquire);
        (self.begun.load(Ordering::Acquire), ended)
    }

    /// Resolves when none runs and none has begun or ended for [`QUIET`], which is also the time
    /// that the last answer has to be sent.
    async fn quiet(&self) {
        let mut before = self.counts();
        loop {
            sleep(QUIET).await;
            let now = self.counts();
            if now == before && now.0 == now.1 {
                return;
            }
            before = now;
        }
    }
}

/// A call that runs; dropped when its answer's headers are there or nobody waits for them.
struct Call(Arc<Calls>);

impl Drop for Call {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::Release);
    }
}
