//! What each protocol's library is held to. The defaults of hyper and h2 are made for a page's
//! visitors, not for a port that anybody may flood.

use std::{future::Future, time::Duration};

use hyper::rt::Executor;
use hyper_util::{rt::TokioTimer, server::conn::auto};
use tokio_util::task::TaskTracker;

/// How long a preface, a frame or a request's headers may take.
pub(super) const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// As many as gRPC's and Envoy's documentation advise; a client queues what is beyond.
const MAX_CONCURRENT_STREAMS: u32 = 100;
/// Past it a peer that provokes errors is sent away; hyper's own default, which must not be left to
/// the library (a `None` there means no limit).
const MAX_LOCAL_ERROR_RESET_STREAMS: usize = 1024;
/// A peer may cancel all its calls at once in good faith, and h2 reads that in one go: its default
/// of 20 would take it for a rapid reset (CVE-2023-44487). Abuse goes on and soon passes this too.
const MAX_PENDING_ACCEPT_RESET_STREAMS: usize = MAX_CONCURRENT_STREAMS as usize;
/// A list over 16 KiB is answered with a reason; this one only bounds what is decoded before.
const MAX_HEADER_LIST: u32 = 32 * 1024;
/// The same for HTTP/1, whose head must fit into the buffer; its fields are short at least.
const HTTP1_BUFFER: usize = 64 * 1024;
const HTTP1_MAX_HEADERS: usize = 1024;
/// What a peer that does not read its answers may hold of our memory, per call.
const SEND_BUFFER: usize = 64 * 1024;
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// What a port speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Http {
    /// HTTP/1.1 alone.
    One,
    /// HTTP/2 alone, by prior knowledge.
    Two,
}

impl Http {
    /// Its name where TLS negotiates the protocol (RFC 7301 §6).
    pub(super) fn alpn(self) -> &'static [u8] {
        match self {
            Self::One => b"http/1.1",
            Self::Two => b"h2",
        }
    }
}

/// Spawns what hyper spawns (one task per HTTP/2 call) where the drain can await it.
#[derive(Clone)]
pub(super) struct Tasks(TaskTracker);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}

/// What serves the connections of a port that speaks `http`.
pub(super) fn builder(http: Http, tasks: &TaskTracker) -> auto::Builder<Tasks> {
    let mut builder = auto::Builder::new(Tasks(tasks.clone()));
    match http {
        Http::One => {
            builder
                .http1()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIMEOUT)
                .max_buf_size(HTTP1_BUFFER)
                .max_headers(HTTP1_MAX_HEADERS);
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
                .max_send_buf_size(SEND_BUFFER)
                .initial_stream_window_size(STREAM_WINDOW)
                .initial_connection_window_size(CONNECTION_WINDOW)
                .keep_alive_interval(KEEPALIVE_INTERVAL)
                .keep_alive_timeout(KEEPALIVE_TIMEOUT);
            builder.http2_only()
        }
    }
}
