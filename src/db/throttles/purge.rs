//! Deletes counts that no decision needs.

use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter};
use tokio::time::Instant;

use crate::{
    db::{
        Db, DbError,
        entity::{
            throttles::{Column, Entity as Throttles},
            to_micros,
        },
        query::some_ids,
    },
    domain::{KNOWN_FOR, Timestamp},
};

impl Db {
    /// Deletes rows that no decision needs, at most `batch` of them. Returns how many. So many
    /// failures as `failures_max` are never forgotten by the time.
    pub async fn purge_throttles(
        &self,
        now: Timestamp,
        failures_max: u32,
        batch: u64,
        deadline: Instant,
    ) -> Result<u64, DbError> {
        self.write(deadline, (), move |transaction, ()| {
            let long_ago = to_micros(now - KNOWN_FOR);
            let failures_max = i32::try_from(failures_max).unwrap_or(i32::MAX);
            // A budget that is whole again, no failures, or a few old ones.
            let is_old = Column::FailedAt
                .lt(long_ago)
                .and(Column::Failures.lt(failures_max));
            let forgotten = Column::SpentUntil
                .gt(0)
                .or(Column::Failures.eq(0))
                .or(is_old);
            let old = Throttles::find()
                .filter(Column::KnownSince.lt(long_ago))
                .filter(Column::SpentUntil.lt(to_micros(now)))
                .filter(forgotten);
            let purge = Throttles::delete_many().filter(Column::Key.in_subquery(some_ids(
                old,
                Column::Key,
                batch,
            )));
            Box::pin(async move { Ok(purge.exec(transaction).await?.rows_affected) })
        })
        .await
    }
}
