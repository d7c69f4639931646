//! The outcomes of logins: many events by one statement, each with its count.

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
    /// Writes events with their counts so far, and only the count of an event that is stored already, so
    /// it can be repeated. Events of a user who no longer exists are dropped: the memory of another
    /// replica must not bring back an erased user's IP address.
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
    // Counts only grow, so that a write that is late or repeated takes nothing back.
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

/// Which of these users exist, and will exist until the transaction ends: an erasure waits for it and
/// then clears its rows. SQLite has one writer at a time and needs no lock.
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
