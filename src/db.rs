//! The database: the only layer that knows SQL. One method is one atomic step in business words,
//! and what comes back are domain types.

mod attempts;
mod backup;
mod callers;
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
mod purge;
mod query;
mod reach;
mod schema;
mod server_keys;
mod session_rows;
mod sessions;
mod target;
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

pub use attempts::AfterWrong;
pub use backup::BackupError;
pub use callers::AddedCaller;
pub use error::DbError;
pub use flask_import::{FlaskError, FlaskUser, FlaskUsers};
pub use mail::{AskedBy, MailIntent, MailRequest, MailWaiting, Queued};
pub use metrics::{DbMetrics, PoolMetrics};
pub use migrations::loss;
pub use schema::{SchemaState, Undone};
pub use sessions::Rotation;
pub use target::{Target, is_open_elsewhere};
pub use tokens::{
    NewOneTimeToken,
    redemption::{Redemption, TokenProof},
};
pub use users::{
    AddedUser, ImportOutcome, KeptSessions, NewImport, NewUser, ProvenUser, UpdateUserError,
};

use metrics::DbCounters;

/// How the database is reached.
#[derive(Debug, Clone)]
pub struct DbSettings {
    /// Where users and sessions live.
    pub target: Target,
    /// Postgres: the most connections that calls share. SQLite's pools are fixed.
    pub max_connections: u32,
    /// How long a call waits for a connection.
    pub acquire_timeout: Duration,
    /// Postgres: how long one statement may run.
    pub statement_timeout: Duration,
}

/// How long connections may take to say goodbye.
const CLOSE_LIMIT: Duration = Duration::from_millis(150);

/// A handle on the database; clones share its pools.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

struct Inner {
    settings: DbSettings,
    /// Calls write here. SQLite has one writer; on Postgres this and `reader` are one pool.
    writer: DatabaseConnection,
    reader: DatabaseConnection,
    /// One connection outside those pools, so that a full pool does not look like a lost database.
    prober: DatabaseConnection,
    /// Writes that go on even when their caller is gone.
    writes: TaskTracker,
    /// Whether the last probe succeeded.
    healthy: AtomicBool,
    counters: DbCounters,
    lookups: lookups::Lookups,
}

impl Db {
    /// Opens the pools. Connections are made when they are first needed, so a database that is away
    /// does not fail here.
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

    /// Waits at most `limit` for writes that were started, then closes the pools. Returns how many
    /// writes were abandoned.
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

    /// One statement that changes nothing. It is not started past the deadline and not awaited
    /// beyond it.
    async fn read<T>(
        &self,
        deadline: Instant,
        work: impl Future<Output = Result<T, DbErr>>,
    ) -> Result<T, DbError> {
        let _caller = self.inner.counters.reading.enter();
        self.within(deadline, work).await
    }

    /// The same for work that is not itself a statement, and waits for no connection.
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
