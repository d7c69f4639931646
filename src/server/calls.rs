//! The calls of a connection: a connection without a call can be evicted, an idle one need not be awaited
//! by the drain, and a slow call is noticed from its first byte.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

use crate::transport::ConnectionMemory;

/// A draining connection without activity for this long is closed: its peer may be gone, and hyper
/// would wait for the answer to a ping.
const IDLE_AFTER: Duration = Duration::from_secs(1);

pub(super) struct ConnectionCalls {
    memory: Arc<ConnectionMemory>,
    begun: AtomicU64,
    ended: AtomicU64,
    last_end: Mutex<Instant>,
}

impl ConnectionCalls {
    /// For a connection that was just accepted.
    pub(super) fn new(memory: ConnectionMemory) -> Self {
        Self {
            memory: Arc::new(memory),
            begun: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            last_end: Mutex::new(Instant::now()),
        }
    }

    /// What the calls hold of the memory.
    pub(super) fn memory(&self) -> &Arc<ConnectionMemory> {
        &self.memory
    }

    /// Counts a call until the returned guard is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> OpenCall {
        self.begun.fetch_add(1, Ordering::Relaxed);
        OpenCall(Arc::clone(self))
    }

    /// Whether a complete request has come.
    pub(super) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed) > 0
    }

    /// Since when no call is open, its answer included; `None`: one is.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        (self.memory.held() == 0).then(|| self.awaiting_since())
    }

    /// When the last call ended or, before any call, the connection was accepted. In HTTP/1, which
    /// has one call at a time, the bytes of the next call are awaited from then on.
    pub(super) fn awaiting_since(&self) -> Instant {
        *self.last_end.lock()
    }

    fn counts(&self) -> (u64, u64) {
        (
            self.begun.load(Ordering::Relaxed),
            self.ended.load(Ordering::Relaxed),
        )
    }

    /// Resolves when no call runs and none has begun or ended for [`IDLE_AFTER`], which is also the
    /// time in which the last answer is sent.
    pub(super) async fn idle(&self) {
        let mut before = self.counts();
        loop {
            sleep(IDLE_AFTER).await;
            let now = self.counts();
            if now == before && now.0 == now.1 {
                return;
            }
            before = now;
        }
    }
}

/// A running call; dropped when the headers of its answer are ready or its peer has left.
pub(super) struct OpenCall(Arc<ConnectionCalls>);

impl Drop for OpenCall {
    fn drop(&mut self) {
        *self.0.last_end.lock() = Instant::now();
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}
