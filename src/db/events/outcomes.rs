//! Events of what changed nothing: many at once, each with how often it happened.

use std::collections::HashSet;

use sea_orm::{
    ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, LockType, OnConflict},
};
use tokio::time::Instant;
use uuid::Uuid;

use super::row;
use crate::{
    db::{
        Db, DbError,
        entity::{
            events::{Column, Entity as Events},
            users::{self, Entity as Users},
        },
    },
    domain::{Event, UserId},
};

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
        self.write(deadline, outcomes, |transaction, outcomes| {
            Box::pin(count(transaction, outcomes))
        })
        .await
    }
}

async fn count(transaction: &DatabaseTransaction, outcomes: &[(Event, u64)]) -> Result<(), DbErr> {
    let users = outcomes.iter().filter_map(|(event, _)| event.user_id);
    let existing = lock_users(transaction, users.map(UserId::uuid).collect()).await?;
    let is_kept = |event: &Event| match event.user_id {
        Some(user) => existing.contains(&user.uuid()),
        None => true,
    };
    let rows: Vec<_> = outcomes
        .iter()
        .filter(|(event, _)| is_kept(event))
        .map(|(event, count)| row(event, i64::try_from(*count).unwrap_or(i64::MAX)))
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    // Counts only grow, so that a write that comes late, or twice, takes nothing back.
    let (stored, new) = ((Events, Column::Count), ("excluded", Column::Count));
    let larger = Expr::case(Expr::col(new).gt(Expr::col(stored)), Expr::col(new));
    let or_count = OnConflict::column(Column::Id)
        .value(Column::Count, larger.finally(Expr::col(stored)))
        .to_owned();
    Events::insert_many(rows)
        .on_conflict(or_count)
        .exec_without_returning(transaction)
        .await
        .map(|_| ())
}

/// Which of these users exist, and will until the transaction ends: whoever erases one waits for it,
/// and then finds its rows. SQLite has one writer at a time and no such lock.
async fn lock_users(
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
