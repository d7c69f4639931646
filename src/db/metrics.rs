//! What the database layer tells of itself to whoever watches it.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};

use chrono::TimeDelta;
use sea_orm::sqlx::{Database, Pool};

use super::{Db, Target};
use crate::metrics::Counter;

/// How the pools are doing, and what was done since they were opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DbMetrics {
    /// The pools that calls share; the connection of the probe is not among them.
    pub pools: Vec<PoolMetrics>,
    /// Sessions that were deleted because they ended long ago.
    pub purged_sessions: u64,
    /// Transactions that were done again after they lost a race.
    pub retried_transactions: u64,
    /// How far the database's clock was ahead of this machine's when it was last asked. 0 where it has
    /// none of its own.
    pub clock_difference: TimeDelta,
    /// Probes that found them more than a second apart.
    pub clock_differences: u64,
}

/// How a pool is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolMetrics {
    /// `writer` and `reader` on SQLite, `shared` on Postgres.
    pub name: &'static str,
    /// The most connections.
    pub max: u32,
    /// Open connections that a call is using.
    pub used: usize,
    /// Open connections that nobody is using.
    pub idle: usize,
    /// Calls that have no connection yet.
    pub waiting: usize,
}

/// What the database layer counts.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Reads that are under way, with a connection or without.
    pub(super) reading: PoolUse,
    /// The same for transactions.
    pub(super) writing: PoolUse,
    pub(super) purged_sessions: Counter,
    pub(super) retried_transactions: Counter,
    pub(super) clock: ClockCounts,
}

/// The database's clock against this machine's.
#[derive(Debug, Default)]
pub(super) struct ClockCounts {
    pub(super) difference_micros: AtomicI64,
    /// Probes that found more than a second.
    pub(super) striking: Counter,
    /// Whether the last one did.
    pub(super) strikes: AtomicBool,
}

/// Those who use a pool or wait for it.
#[derive(Debug, Default)]
pub(super) struct PoolUse(AtomicUsize);

impl PoolUse {
    /// One more, until what comes back is dropped.
    pub(super) fn enter(&self) -> Waiter<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Waiter(self)
    }

    fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// One who uses a pool or waits for it.
pub(super) struct Waiter<'c>(&'c PoolUse);

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Db {
    /// How the pools are doing now, and what was done.
    pub fn metrics(&self) -> DbMetrics {
        let inner = &*self.inner;
        let (reading, writing) = (inner.counts.reading.get(), inner.counts.writing.get());
        let pools = match inner.settings.target {
            Target::Sqlite(_) => vec![
                pool("writer", inner.writer.get_sqlite_connection_pool(), writing),
                pool("reader", inner.reader.get_sqlite_connection_pool(), reading),
            ],
            Target::Postgres { .. } => {
                let shared = inner.writer.get_postgres_connection_pool();
                vec![pool("shared", shared, reading + writing)]
            }
        };
        DbMetrics {
            pools,
            purged_sessions: inner.counts.purged_sessions.get(),
            retried_transactions: inner.counts.retried_transactions.get(),
            clock_difference: TimeDelta::microseconds(
                inner.counts.clock.difference_micros.load(Ordering::Relaxed),
            ),
            clock_differences: inner.counts.clock.striking.get(),
        }
    }
}

/// The metrics of a pool with so many callers. They change while they are read, so none is more than
/// about right.
fn pool<D: Database>(name: &'static str, pool: &Pool<D>, callers: usize) -> PoolMetrics {
    let idle = pool.num_idle();
    let used = (pool.size() as usize).saturating_sub(idle);
    PoolMetrics {
        name,
        max: pool.options().get_max_connections(),
        used,
        idle,
        waiting: callers.saturating_sub(used),
    }
}
