//! Events of what changed nothing: many at once, each with how often it happened.

use std::collections::HashSet;

use sea_orm::{
    ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, LockType, OnConflict},
};
use tokio::time::Instant;
use uuid::Uuid;

use super::row;
use crate::{
    db::{
        Db, DbError,
        entity::{
            events::{ActiveModel, Column, Entity as Events},
            users::{self, Entity as Users},
        },
    },
    domain::Event,
};

/// Counts only grow, so that a write that comes late, or twice, takes nothing back.
const LARGER_COUNT: &str =
    "CASE WHEN excluded.count > events.count THEN excluded.count ELSE events.count END";

impl Db {
    /// Writes events with how often each has happened by now; of one that is there already the count.
    /// Those of a user who is gone are dropped: an erased user's address must not come back, be it
    /// from the memory of another replica.
    ///
    /// # Errors
    /// The database failed; done again it does the same.
    pub async fn count_outcomes(
        &self,
        outcomes: Vec<(Event, u64)>,
        deadline: Instant,
    ) -> Result<(), DbError> {
        let rows: Vec<ActiveModel> = outcomes
            .iter()
            .map(|(event, count)| row(event, i64::try_from(*count).unwrap_or(i64::MAX)))
            .collect();
        let users: HashSet<Uuid> = outcomes
            .iter()
            .filter_map(|(event, _)| Some(event.user_id?.uuid()))
            .collect();
        self.write(deadline, move |transaction| {
            Box::pin(count(transaction, rows.clone(), users.clone()))
        })
        .await
    }
}

async fn count(
    transaction: &DatabaseTransaction,
    mut rows: Vec<ActiveModel>,
    users: HashSet<Uuid>,
) -> Result<(), DbErr> {
    let there = lock(transaction, users).await?;
    rows.retain(|row| match row.user_id.as_ref() {
        Some(user) => there.contains(user),
        None => true,
    });
    if rows.is_empty() {
        return Ok(());
    }
    let or_count = OnConflict::column(Column::Id)
        .value(Column::Count, Expr::cust(LARGER_COUNT))
        .to_owned();
    Events::insert_many(rows)
        .on_conflict(or_count)
        .exec_without_returning(transaction)
        .await
        .map(|_| ())
}

/// Which of these users exist, and will until the transaction ends: whoever erases one waits for it,
/// and then finds its rows. SQLite has one writer at a time and no such lock.
async fn lock(
    transaction: &DatabaseTransaction,
    users: HashSet<Uuid>,
) -> Result<HashSet<Uuid>, DbErr> {
    if users.is_empty() {
        return Ok(users);
    }
    let there: Vec<Uuid> = Users::find()
        .filter(users::Column::Id.is_in(users))
        .select_only()
        .column(users::Column::Id)
        .lock(LockType::KeyShare)
        .into_tuple()
        .all(transaction)
        .await?;
    Ok(there.into_iter().collect())
}
