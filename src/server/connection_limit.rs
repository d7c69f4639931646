//! Limits the open connections: beyond the cap, idle file descriptors would starve the database and
//! `accept` itself.

use std::{collections::BTreeMap, fs, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// How long an evicted connection may take to close.
const EVICTION_TIMEOUT: Duration = Duration::from_millis(100);

/// A cap on connections. Clones share it, so that gRPC and REST are counted together.
#[derive(Clone)]
pub(super) struct ConnectionLimit {
    most: usize,
    slots: Arc<Semaphore>,
    evictable: Arc<Mutex<EvictionList>>,
}

/// The connections without a complete request so far, by age.
#[derive(Default)]
struct EvictionList {
    admitted: u64,
    by_age: BTreeMap<u64, CancellationToken>,
}

impl ConnectionLimit {
    pub(super) fn new(connections: usize) -> Self {
        let most = connections.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            most,
            slots: Arc::new(Semaphore::new(most)),
            evictable: Arc::default(),
        }
    }

    pub(super) fn most(&self) -> usize {
        self.most
    }

    pub(super) fn open(&self) -> usize {
        self.most - self.slots.available_permits()
    }

    /// Whether a new connection needs the slot of another.
    pub(super) fn is_reached(&self) -> bool {
        self.slots.available_permits() == 0
    }

    /// Takes a slot for a new connection. At the cap, the oldest connection without a complete first
    /// request is evicted; `None`: there is no such connection.
    pub(super) async fn admit(&self) -> Option<Slot> {
        let permit = if let Ok(permit) = Arc::clone(&self.slots).try_acquire_owned() {
            permit
        } else {
            let (_, oldest) = self.evictable.lock().by_age.pop_first()?;
            oldest.cancel();
            // The descriptor of the evicted connection closes before the new one is served. A new
            // connection of another port may take that slot first; this one then waits for the next.
            timeout(EVICTION_TIMEOUT, Arc::clone(&self.slots).acquire_owned())
                .await
                .ok()?
                .ok()?
        };
        let evicted = CancellationToken::new();
        let mut evictable = self.evictable.lock();
        evictable.admitted += 1;
        let number = evictable.admitted;
        evictable.by_age.insert(number, evicted.clone());
        Some(Slot {
            eviction_entry: EvictionEntry {
                number,
                evictable: Arc::clone(&self.evictable),
            },
            evicted,
            _permit: permit,
        })
    }
}

/// The slot of one connection, which drops it at its end.
pub(super) struct Slot {
    eviction_entry: EvictionEntry,
    evicted: CancellationToken,
    _permit: OwnedSemaphorePermit,
}

impl Slot {
    /// Resolves when the connection is evicted.
    pub(super) async fn evicted(&self) {
        self.evicted.cancelled().await;
    }

    /// The entry that the first complete request removes.
    pub(super) fn eviction_entry(&self) -> EvictionEntry {
        self.eviction_entry.clone()
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.eviction_entry.remove();
    }
}

/// The place of a connection on the eviction list.
#[derive(Clone)]
pub(super) struct EvictionEntry {
    number: u64,
    evictable: Arc<Mutex<EvictionList>>,
}

impl EvictionEntry {
    /// Makes the connection safe from eviction.
    pub(super) fn remove(&self) {
        self.evictable.lock().by_age.remove(&self.number);
    }
}

/// The soft limit of open file descriptors; `None`: unlimited or unknown.
pub(super) fn descriptor_limit() -> Option<usize> {
    parse_descriptor_limit(&fs::read_to_string("/proc/self/limits").ok()?)
}

fn parse_descriptor_limit(limits: &str) -> Option<usize> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (X4)
    #[tokio::test]
    async fn at_the_cap_the_oldest_connection_without_a_request_is_evicted() {
        let limit = ConnectionLimit::new(2);
        let busy = limit.admit().await.unwrap();
        busy.eviction_entry().remove();
        let idle = limit.admit().await.unwrap();

        let newcomer = tokio::spawn({
            let limit = limit.clone();
            async move { limit.admit().await }
        });
        idle.evicted().await;
        assert!(!newcomer.is_finished(), "two connections and a third");
        drop(idle);
        assert!(newcomer.await.unwrap().is_some());
        assert!(!busy.evicted.is_cancelled());
    }

    #[tokio::test]
    async fn a_connection_is_refused_when_every_other_has_had_a_request() {
        let limit = ConnectionLimit::new(1);
        let busy = limit.admit().await.unwrap();
        busy.eviction_entry().remove();
        assert!(limit.admit().await.is_none());
        assert_eq!((limit.open(), limit.most()), (1, 1));
        drop(busy);
        assert_eq!(limit.open(), 0);
        assert!(limit.admit().await.is_some());
    }

    #[tokio::test]
    async fn a_connection_that_ended_is_not_on_the_eviction_list() {
        let limit = ConnectionLimit::new(1);
        drop(limit.admit().await.unwrap());
        let _next = limit.admit().await.unwrap();
        assert_eq!(limit.evictable.lock().by_age.len(), 1);
    }

    #[test]
    fn the_soft_descriptor_limit_is_read_if_there_is_one() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
                      Max open files            1024                 524288               files\n";
        assert_eq!(parse_descriptor_limit(limits), Some(1024));
        let unlimited =
            "Max open files            unlimited            unlimited            files\n";
        assert_eq!(parse_descriptor_limit(unlimited), None);
        assert_eq!(parse_descriptor_limit(""), None);
    }
}
