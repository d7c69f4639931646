//! The database: the only layer that knows SQL. A method is one atomic step, named as the business
//! names it, and returns domain types.
//!
//! Every method may fail with [`DbError`]; what it would have written is then not written, unless the
//! deadline passed first.

mod backup;
mod callers;
mod ends;
mod entity;
mod error;
mod events;
mod file;
mod flask_import;
mod hash_census;
mod lookups;
mod mail;
mod metrics;
mod pools;
mod probe;
mod query;
mod reach;
mod schema;
mod server_keys;
mod session_rows;
mod sessions;
mod target;
mod throttles;
mod tokens;
mod users;
mod write;

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sea_orm::{DatabaseConnection, DbErr};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::task::TaskTracker;

pub use backup::BackupError;
pub use callers::AddedCaller;
pub use ends::KeptSessions;
pub use error::DbError;
pub use flask_import::{FlaskError, FlaskUser, FlaskUsers};
pub use mail::{MailIntent, MailRequest, MailWaiting, Queued, Requester};
pub use metrics::{DbMetrics, PoolMetrics};
pub use migrations::loss;
pub use schema::{SchemaState, Undone};
pub use sessions::{AfterWrong, Rotation};
pub use target::{Target, is_open_elsewhere};
pub use throttles::{Spending, Spent, ThrottleKey, ThrottleKeys};
pub use tokens::{
    NewOneTimeToken,
    redemption::{Redeemed, Redemption, TokenOwner, TokenProof},
};
pub use users::{
    AccountProof, AddedUser, EpochRaise, ImportOutcome, NewImport, NewUser, OthersEnded,
    ProvenUser, UpdateUserError,
};

use metrics::DbCounters;

/// Settings of the database's connections.
#[derive(Debug, Clone)]
pub struct DbSettings {
    /// The file or the server.
    pub target: Target,
    /// Postgres: the largest number of connections that calls share. The sizes of SQLite's pools are
    /// fixed.
    pub max_connections: u32,
    /// The longest wait of a call for a connection.
    pub acquire_timeout: Duration,
    /// Postgres: the time that one statement may run.
    pub statement_timeout: Duration,
}

/// The time that closing the connections may take.
const CLOSE_LIMIT: Duration = Duration::from_millis(150);

/// A handle on the database. Clones share the pools.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

struct Inner {
    settings: DbSettings,
    /// Calls write here. SQLite has one writer; on Postgres this and `reader` are one pool.
    writer: DatabaseConnection,
    reader: DatabaseConnection,
    /// One connection outside those pools, so that a full pool is not taken for a lost database.
    prober: DatabaseConnection,
    /// The writes under way, which continue when their caller is gone.
    writes: TaskTracker,
    /// Whether the last probe succeeded.
    healthy: AtomicBool,
    counters: DbCounters,
    lookups: lookups::Lookups,
}

impl Db {
    /// Opens the pools. A connection is made when it is first needed, so an unreachable database is no
    /// error here.
    ///
    /// # Errors
    /// The Postgres URL cannot be read.
    pub fn open(settings: &DbSettings) -> Result<Self, DbError> {
        let (writer, reader, prober) = pools::open(settings).map_err(DbError::Unavailable)?;
        Ok(Self {
            inner: Arc::new(Inner {
                settings: settings.clone(),
                writer,
                reader,
                prober,
                writes: TaskTracker::new(),
                healthy: AtomicBool::new(false),
                counters: DbCounters::default(),
                lookups: lookups::Lookups::default(),
            }),
        })
    }

    /// Waits at most `limit` for the writes under way, then closes the pools. Returns the number of
    /// abandoned writes.
    pub async fn close(&self, limit: Duration) -> usize {
        let writes = &self.inner.writes;
        writes.close();
        let _ = timeout(limit, writes.wait()).await;
        let abandoned = writes.len();
        // Closing waits for connections that are in use; an abandoned write may hold one.
        let Inner {
            writer,
            reader,
            prober,
            ..
        } = &*self.inner;
        let pools = async {
            tokio::join!(
                writer.close_by_ref(),
                reader.close_by_ref(),
                prober.close_by_ref()
            )
        };
        let _ = timeout(CLOSE_LIMIT, pools).await;
        abandoned
    }

    /// Runs a statement that changes nothing, unless the deadline has passed, and awaits it no longer.
    async fn read<T>(
        &self,
        deadline: Instant,
        work: impl Future<Output = Result<T, DbErr>>,
    ) -> Result<T, DbError> {
        let _waiter = self.inner.counters.reading.enter();
        self.within(deadline, work).await
    }

    /// As [`Self::read`], for work that uses no connection itself.
    async fn within<T>(
        &self,
        deadline: Instant,
        work: impl Future<Output = Result<T, DbErr>>,
    ) -> Result<T, DbError> {
        if deadline <= Instant::now() {
            return Err(DbError::DeadlineExceeded);
        }
        match timeout_at(deadline, work).await {
            Ok(outcome) => outcome.map_err(|error| self.classify(error)),
            Err(_) => Err(DbError::DeadlineExceeded),
        }
    }

    fn classify(&self, error: DbErr) -> DbError {
        DbError::classify(error, self.inner.healthy.load(Ordering::Relaxed))
    }
}
