//! The purge of sessions that ended long ago: a few at a time, by one replica at a time, and without
//! holding up calls.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, Select, Statement,
    sea_query::{LockBehavior, LockType},
};
use tokio::time::Instant;
use uuid::Uuid;

use crate::db::{
    Db, DbError,
    entity::{
        sessions::{Column, Entity as Sessions},
        to_micros,
    },
};
use crate::domain::Timestamp;

/// The number of the purge's lock; migrations have another.
const ADVISORY_LOCK: i64 = 7205;

impl Db {
    /// Deletes sessions that expired or were revoked before a time, at most `batch` of them. Returns how
    /// many; `None`: another replica is purging.
    pub async fn purge_sessions(
        &self,
        ended_before: Timestamp,
        batch: u64,
        deadline: Instant,
    ) -> Result<Option<u64>, DbError> {
        let before = to_micros(ended_before);
        let purge = self.write(deadline, (), move |transaction, ()| {
            Box::pin(async move {
                if !is_alone(transaction).await? {
                    return Ok(None);
                }
                let ended = ended(transaction, before, batch).await?;
                let purge = Sessions::delete_many().filter(Column::Id.is_in(ended));
                Ok(Some(purge.exec(transaction).await?.rows_affected))
            })
        });
        let purged = purge.await?;
        self.inner
            .counters
            .purged_sessions
            .inc_by(purged.unwrap_or_default());
        Ok(purged)
    }
}

/// Whether no other replica purges until this transaction ends. On Postgres the first replica holds an
/// advisory lock, for which none waits and which ends with a crash. On SQLite the transaction is the
/// only writer of the file.
async fn is_alone(transaction: &DatabaseTransaction) -> Result<bool, DbErr> {
    if transaction.get_database_backend() != DbBackend::Postgres {
        return Ok(true);
    }
    let lock = Statement::from_string(
        DbBackend::Postgres,
        format!("SELECT pg_try_advisory_xact_lock({ADVISORY_LOCK})"),
    );
    match transaction.query_one_raw(lock).await? {
        Some(row) => row.try_get_by_index(0),
        None => Ok(false),
    }
}

/// Expired sessions first, then sessions that were revoked before they expired. Two queries, because one
/// over both conditions would read all ended sessions for each batch. Their order is the index's.
async fn ended(
    transaction: &DatabaseTransaction,
    before: i64,
    batch: u64,
) -> Result<Vec<Uuid>, DbErr> {
    let expired = Sessions::find()
        .filter(Column::ExpiresAt.lt(before))
        .order_by_asc(Column::ExpiresAt);
    let mut ended = ids(transaction, expired, batch).await?;
    let room = batch.saturating_sub(ended.len() as u64);
    if room > 0 {
        let revoked = Sessions::find()
            .filter(Column::RevokedAt.lt(before))
            .filter(Column::ExpiresAt.gte(before))
            .order_by_asc(Column::RevokedAt);
        ended.extend(ids(transaction, revoked, room).await?);
    }
    Ok(ended)
}

/// Rows that a call is changing are skipped and left to the next purge. SQLite needs no such lock.
async fn ids(
    transaction: &DatabaseTransaction,
    of: Select<Sessions>,
    most: u64,
) -> Result<Vec<Uuid>, DbErr> {
    of.select_only()
        .column(Column::Id)
        .limit(most)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .into_tuple()
        .all(transaction)
        .await
}
