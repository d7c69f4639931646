//! The calls of a connection, so that one that came without a call can make room, one that is idle
//! need not be waited for, and a slow one is known to be slow from its first byte on.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

use super::limit::EvictionEntry;

/// A draining connection on which nothing has happened for this long is closed: its peer may be
/// gone, and hyper waits for the answer to a ping.
const QUIET: Duration = Duration::from_secs(1);

/// The calls of one connection, counted.
pub(super) struct ConnectionCalls {
    eviction_entry: EvictionEntry,
    begun: AtomicU64,
    ended: AtomicU64,
    last_end: Mutex<Instant>,
}

impl ConnectionCalls {
    /// None yet, on a connection that was just accepted; the first one keeps `eviction_entry`.
    pub(super) fn new(eviction_entry: EvictionEntry) -> Self {
        Self {
            eviction_entry,
            begun: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            last_end: Mutex::new(Instant::now()),
        }
    }

    /// Counts a call until what comes back is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> OpenCall {
        if self.begun.fetch_add(1, Ordering::Relaxed) == 0 {
            self.eviction_entry.remove();
        }
        OpenCall(Arc::clone(self))
    }

    /// When the last call ended, or the connection was accepted: one call at a time, as in HTTP/1,
    /// the next one's bytes are awaited from then on.
    pub(super) fn awaiting_since(&self) -> Instant {
        *self.last_end.lock()
    }

    fn counts(&self) -> (u64, u64) {
        (
            self.begun.load(Ordering::Relaxed),
            self.ended.load(Ordering::Relaxed),
        )
    }

    /// Resolves when none runs and none has begun or ended for [`QUIET`], which is also the time
    /// that the last answer has to be sent.
    pub(super) async fn idle(&self) {
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
pub(super) struct OpenCall(Arc<ConnectionCalls>);

impl Drop for OpenCall {
    fn drop(&mut self) {
        *self.0.last_end.lock() = Instant::now();
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}
