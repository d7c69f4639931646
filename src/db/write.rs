//! The one way to write: a transaction that a vanishing caller cannot cut in half.

use futures_util::future::BoxFuture;
use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
};
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

use super::{Db, DbError, error::Kind};

/// How often a transaction that lost a race is run again.
const RETRIES: u32 = 3;

impl Db {
    /// Runs work in a transaction on a task of its own, which the drain awaits: a caller that
    /// disconnects would otherwise leave a connection inside a transaction. A transaction that lost a
    /// race is run again within the deadline; the task owns the input and lends it to each attempt.
    ///
    /// Past the deadline nothing is started. A started transaction is finished and its result dropped.
    pub(super) async fn write<I, T, W>(
        &self,
        deadline: Instant,
        input: I,
        work: W,
    ) -> Result<T, DbError>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        W: for<'t> Fn(&'t DatabaseTransaction, &'t I) -> BoxFuture<'t, Result<T, DbErr>>
            + Send
            + Sync
            + 'static,
    {
        let db = self.clone();
        let attempts = async move {
            let mut retries = RETRIES;
            loop {
                let Some(outcome) = db.attempt(deadline, &input, &work).await else {
                    return Err(DbError::DeadlineExceeded);
                };
                match outcome {
                    Err(error) if retries > 0 && Kind::of(&error).may_pass() => {
                        retries -= 1;
                        db.inner.counters.retried_transactions.inc();
                    }
                    outcome => return outcome.map_err(|error| db.classify(error)),
                }
            }
        };
        let task = self.inner.writes.spawn(attempts.in_current_span());
        match timeout_at(deadline, task).await {
            Ok(Ok(outcome)) => outcome,
            // The panic's own text may quote what was written.
            Ok(Err(_panic)) => Err(DbError::Bug(DbErr::Custom("a write panicked".to_owned()))),
            Err(_) => Err(DbError::DeadlineExceeded),
        }
    }

    /// `None`: the deadline passed before the work began.
    async fn attempt<I, T, W>(
        &self,
        deadline: Instant,
        input: &I,
        work: &W,
    ) -> Option<Result<T, DbErr>>
    where
        I: Sync,
        W: for<'t> Fn(&'t DatabaseTransaction, &'t I) -> BoxFuture<'t, Result<T, DbErr>> + Sync,
    {
        if deadline <= Instant::now() {
            return None;
        }
        let _waiter = self.inner.counters.writing.enter();
        let transaction = match begin(&self.inner.writer).await {
            Ok(transaction) => transaction,
            Err(error) => return Some(Err(error)),
        };
        // The wait for a connection may have taken the time that was left.
        if deadline <= Instant::now() {
            return None;
        }
        Some(match work(&transaction, input).await {
            Ok(done) => transaction.commit().await.map(|()| done),
            Err(error) => Err(error),
        })
    }
}

/// SQLite takes its write lock at once: a transaction that reads first and writes later would fail
/// without waiting when another process wrote in between.
pub(super) async fn begin(connection: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    connection.begin_with_options(options).await
}
