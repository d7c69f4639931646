//! Limits the open connections, by number and by what their calls hold of the memory. Beyond the cap,
//! idle file descriptors would starve the database and `accept` itself.

mod descriptors;
mod eviction;

use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{
    select,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{calls::ConnectionCalls, ticks::ticks};
use crate::{
    domain::Source,
    transport::{CallMemory, ConnectionMemory, HELD_MAX, Proxies},
};
pub(super) use descriptors::descriptor_limit;
use eviction::{Candidate, victim};

/// What a connection without a call takes: its task, and the buffers of its library.
pub(super) const CONNECTION_BYTES: u64 = 20 * 1024;
/// How long an evicted connection may take to close.
const EVICTION_TIMEOUT: Duration = Duration::from_millis(100);
/// How often connections are looked at whose peers may have stopped reading.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);
/// The looks at which no part of an answer was sent, until the connection is closed.
const LOOKS: u32 = 5;

/// A cap on connections. Clones share it, so that gRPC and REST are counted together.
#[derive(Clone)]
pub(super) struct ConnectionLimit {
    most: usize,
    /// The peers that carry the calls of others, and so may have many connections.
    proxies: Proxies,
    slots: Arc<Semaphore>,
    memory: Arc<CallMemory>,
    open: Arc<Mutex<OpenConnections>>,
}

/// The open connections by age.
#[derive(Default)]
struct OpenConnections {
    admitted: u64,
    by_age: BTreeMap<u64, OpenConnection>,
}

struct OpenConnection {
    /// `None`: a proxy, or this machine.
    source: Option<Source>,
    calls: Arc<ConnectionCalls>,
    evicted: CancellationToken,
    /// The parts of answers that were sent at the last look, where one waited, and for how many looks.
    sent: Option<u64>,
    looks: u32,
}

impl OpenConnection {
    fn candidate(&self) -> Candidate {
        Candidate {
            source: self.source,
            has_called: self.calls.has_begun(),
            idle_since: self.calls.idle_since(),
        }
    }

    /// Whether a peer has read nothing for several looks, although an answer waits.
    fn is_stalled(&mut self) -> bool {
        let sent = self.calls.memory().sent_while_waiting();
        self.looks = match (sent, self.sent) {
            (Some(now), Some(before)) if now == before => self.looks + 1,
            _ => 0,
        };
        self.sent = sent;
        self.looks >= LOOKS
    }
}

impl ConnectionLimit {
    pub(super) fn new(connections: usize, proxies: Proxies) -> Self {
        let most = connections.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            most,
            proxies,
            slots: Arc::new(Semaphore::new(most)),
            memory: Arc::default(),
            open: Arc::default(),
        }
    }

    pub(super) fn most(&self) -> usize {
        self.most
    }

    pub(super) fn open(&self) -> usize {
        self.most - self.slots.available_permits()
    }

    /// What as many connections as may be open take besides their calls, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.most as u64 * CONNECTION_BYTES
    }

    /// The bytes that the calls of all connections hold.
    pub(super) fn held(&self) -> usize {
        self.memory.held()
    }

    /// Whether a new connection needs the slot of another.
    pub(super) fn is_reached(&self) -> bool {
        self.slots.available_permits() == 0
    }

    /// Takes a slot for a new connection, at the cap from the connection that can best be spared. `None`:
    /// there is none.
    pub(super) async fn admit(&self, peer: IpAddr) -> Option<Slot> {
        let trusted = self.proxies.contain(peer);
        let source = Source::of(peer).filter(|_| !trusted);
        let permit = if let Ok(permit) = Arc::clone(&self.slots).try_acquire_owned() {
            permit
        } else {
            self.evict_for(source)?;
            // The descriptor of the evicted connection closes before the new one is served. A new
            // connection of another port may take that slot first; this one then waits for the next.
            timeout(EVICTION_TIMEOUT, Arc::clone(&self.slots).acquire_owned())
                .await
                .ok()?
                .ok()?
        };
        let calls = Arc::new(ConnectionCalls::new(ConnectionMemory::new(Arc::clone(
            &self.memory,
        ))));
        let evicted = CancellationToken::new();
        let connection = OpenConnection {
            source,
            calls: Arc::clone(&calls),
            evicted: evicted.clone(),
            sent: None,
            looks: 0,
        };
        let mut open = self.open.lock();
        open.admitted += 1;
        let number = open.admitted;
        open.by_age.insert(number, connection);
        Some(Slot {
            number,
            calls,
            evicted,
            open: Arc::clone(&self.open),
            _permit: permit,
        })
    }

    fn evict_for(&self, newcomer: Option<Source>) -> Option<()> {
        let mut open = self.open.lock();
        let candidates = open.by_age.iter();
        let candidates = candidates.map(|(number, connection)| (*number, connection.candidate()));
        let number = victim(&candidates.collect::<Vec<_>>(), newcomer, self.most)?;
        open.by_age.remove(&number)?.evicted.cancel();
        Some(())
    }

    /// Closes connections whose peers do not read, and those that hold the most when calls hold more than
    /// there is.
    pub(super) async fn watch_until(self, end: CancellationToken) {
        let mut looks = ticks(LOOK_INTERVAL);
        loop {
            select! {
                () = end.cancelled() => return,
                _ = looks.tick() => self.close_stalled(),
                () = self.memory.exceeded() => self.close_greediest(),
            }
        }
    }

    fn close_stalled(&self) {
        for connection in self.open.lock().by_age.values_mut() {
            if connection.is_stalled() {
                connection.evicted.cancel();
            }
        }
    }

    /// What a closed connection held comes back only when its tasks have ended, so it counts no more.
    fn close_greediest(&self) {
        let mut open = self.open.lock();
        let held = |connection: &OpenConnection| connection.calls.memory().held();
        while open.by_age.values().map(held).sum::<usize>() > HELD_MAX {
            let greediest = open.by_age.iter();
            let greediest = greediest.max_by_key(|(_, connection)| held(connection));
            let Some((&number, connection)) = greediest else {
                return;
            };
            let held = held(connection);
            tracing::warn!(
                held,
                "the calls of a connection hold too much memory: closing it"
            );
            connection.evicted.cancel();
            open.by_age.remove(&number);
        }
    }
}

/// The slot of one connection, which drops it at its end.
pub(super) struct Slot {
    number: u64,
    calls: Arc<ConnectionCalls>,
    evicted: CancellationToken,
    open: Arc<Mutex<OpenConnections>>,
    _permit: OwnedSemaphorePermit,
}

impl Slot {
    /// Resolves when the connection is evicted.
    pub(super) async fn evicted(&self) {
        self.evicted.cancelled().await;
    }

    /// A time, a tenth more or less: connections that were opened together must not end together. The
    /// share follows the golden ratio, whose multiples spread evenly.
    pub(super) fn jittered(&self, time: Duration) -> Duration {
        const GOLDEN_RATIO: u64 = 0x9E37_79B9_7F4A_7C15;
        let [share, ..] = self.number.wrapping_mul(GOLDEN_RATIO).to_be_bytes();
        time * 9 / 10 + time / 5 * u32::from(share) / 256
    }

    /// The calls of the connection.
    pub(super) fn calls(&self) -> Arc<ConnectionCalls> {
        Arc::clone(&self.calls)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.open.lock().by_age.remove(&self.number);
    }
}

#[cfg(test)]
mod tests;
