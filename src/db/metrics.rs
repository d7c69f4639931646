//! What the database layer counts, and a reading of its pools for `/metrics`.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};

use chrono::TimeDelta;
use sea_orm::sqlx::{Database, Pool};

use super::{Db, Target};
use crate::metrics::Counter;

/// How the pools are doing, and what was counted since they were opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DbMetrics {
    /// The pools that calls share; the connection of the probe is not among them.
    pub pools: Vec<PoolMetrics>,
    /// Ended sessions that were deleted.
    pub purged_sessions: u64,
    /// Transactions that ran again after they lost a race.
    pub retried_transactions: u64,
    /// How far the database's clock was ahead of this machine's at the last probe; 0 on SQLite.
    pub clock_difference: TimeDelta,
    /// Probes that found the two clocks more than a second apart.
    pub clock_differences: u64,
}

/// The connections of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolMetrics {
    /// `writer` and `reader` on SQLite, `shared` on Postgres.
    pub name: &'static str,
    pub max: u32,
    /// Open connections in use.
    pub used: usize,
    /// Open connections that are not in use.
    pub idle: usize,
    /// Statements and transactions that wait for a connection.
    pub waiting: usize,
}

#[derive(Debug, Default)]
pub(super) struct DbCounters {
    /// Reads, from the wait for a connection to the answer.
    pub(super) reading: PoolUse,
    /// Transactions, from the wait for a connection to the commit.
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

/// The number of those who use a pool or wait for it.
#[derive(Debug, Default)]
pub(super) struct PoolUse(AtomicUsize);

impl PoolUse {
    /// Counts one user of the pool until the returned guard is dropped.
    pub(super) fn enter(&self) -> Waiter<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Waiter(self)
    }

    fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// A statement or transaction that uses a pool or waits for it.
pub(super) struct Waiter<'c>(&'c PoolUse);

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Db {
    /// A reading of the pools and the counters.
    pub fn metrics(&self) -> DbMetrics {
        let inner = &*self.inner;
        let (reading, writing) = (inner.counters.reading.get(), inner.counters.writing.get());
        let pools = match inner.settings.target {
            Target::Sqlite(_) => vec![
                read_pool("writer", inner.writer.get_sqlite_connection_pool(), writing),
                read_pool("reader", inner.reader.get_sqlite_connection_pool(), reading),
            ],
            Target::Postgres { .. } => {
                let shared = inner.writer.get_postgres_connection_pool();
                vec![read_pool("shared", shared, reading + writing)]
            }
        };
        DbMetrics {
            pools,
            purged_sessions: inner.counters.purged_sessions.get(),
            retried_transactions: inner.counters.retried_transactions.get(),
            clock_difference: TimeDelta::microseconds(
                inner
                    .counters
                    .clock
                    .difference_micros
                    .load(Ordering::Relaxed),
            ),
            clock_differences: inner.counters.clock.striking.get(),
        }
    }
}

/// Reads a pool that `waiters` use or wait for. The numbers change while they are read, so each is
/// approximate.
fn read_pool<D: Database>(name: &'static str, pool: &Pool<D>, waiters: usize) -> PoolMetrics {
    let idle = pool.num_idle();
    let used = (pool.size() as usize).saturating_sub(idle);
    PoolMetrics {
        name,
        max: pool.options().get_max_connections(),
        used,
        idle,
        waiting: waiters.saturating_sub(used),
    }
}
