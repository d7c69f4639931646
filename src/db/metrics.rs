//! The metrics of the database layer.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};

use chrono::TimeDelta;
use sea_orm::sqlx::{Database, Pool};

use super::{Db, Target};
use crate::metrics::Counter;

/// The state of the pools, and counts since they were opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DbMetrics {
    /// The pools that calls share, without the connection of the probe.
    pub pools: Vec<PoolMetrics>,
    /// Sessions that the purge deleted.
    pub purged_sessions: u64,
    /// Transactions that were run again after they lost a race.
    pub retried_transactions: u64,
    /// How far the database's clock was ahead of this machine's at the last probe; 0 on SQLite.
    pub clock_difference: TimeDelta,
    /// Probes that found the clocks more than a second apart.
    pub clock_differences: u64,
}

/// The state of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolMetrics {
    /// `writer` and `reader` on SQLite, `shared` on Postgres.
    pub name: &'static str,
    /// The largest number of connections.
    pub max: u32,
    /// Open connections that calls use.
    pub used: usize,
    /// Open connections that no call uses.
    pub idle: usize,
    /// Calls that wait for a connection.
    pub waiting: usize,
}

/// The counters behind [`DbMetrics`].
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Reads under way, with or without a connection.
    pub(super) reading: PoolUse,
    /// Transactions under way, with or without a connection.
    pub(super) writing: PoolUse,
    pub(super) purged_sessions: Counter,
    pub(super) retried_transactions: Counter,
    pub(super) clock: ClockCounts,
}

/// The database's clock against this machine's.
#[derive(Debug, Default)]
pub(super) struct ClockCounts {
    pub(super) difference_micros: AtomicI64,
    /// Probes that found a difference of more than a second.
    pub(super) striking: Counter,
    /// Whether the last probe did.
    pub(super) strikes: AtomicBool,
}

/// The number of calls that use a pool or wait for it.
#[derive(Debug, Default)]
pub(super) struct PoolUse(AtomicUsize);

impl PoolUse {
    /// Counts one call until the result is dropped.
    pub(super) fn enter(&self) -> Waiter<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Waiter(self)
    }

    fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// A call that uses a pool or waits for it.
pub(super) struct Waiter<'c>(&'c PoolUse);

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Db {
    /// The metrics now.
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

/// The state of a pool with so many users. Its parts change while they are read, so each is approximate.
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
