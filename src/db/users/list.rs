//! Users, a page at a time, and what is done to all of them.

use sea_orm::{
    ColumnTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait, ExprTrait, QueryFilter,
    QueryOrder, QuerySelect, sea_query::Expr,
};
use tokio::time::Instant;
use uuid::Uuid;

use super::change::{ending_sessions, visible};
use crate::db::{
    Db, DbError,
    entity::users::{Column, Entity as Users, status_column},
    events::record,
};
use crate::domain::{Event, User, UserFilter, UserId};

impl Db {
    /// Some users in the order of their ids, from the one after `after` on.
    ///
    /// # Errors
    /// The database failed.
    pub async fn list_users(
        &self,
        filter: &UserFilter,
        after: Option<UserId>,
        limit: u64,
        deadline: Instant,
    ) -> Result<Vec<User>, DbError> {
        let mut query = Users::find().order_by_asc(Column::Id).limit(limit);
        if let Some(after) = after {
            query = query.filter(Column::Id.gt(after.uuid()));
        }
        if let Some(status) = filter.status {
            query = query.filter(Column::Status.eq(status_column(status)));
        }
        if let Some(prefix) = &filter.email_prefix {
            let backend = self.inner.reader.get_database_backend();
            query = query
                .filter(key_in_bytes(backend).gte(prefix.first()))
                .filter(key_in_bytes(backend).lt(prefix.end()));
        }
        let rows = self.read(deadline, query.all(&self.inner.reader)).await?;
        Ok(rows.into_iter().map(User::from).collect())
    }

    /// Ends all sessions of some users, in the order of their ids, from the one after `after` on, and
    /// answers the last of them and how many they were. `None`: there were none.
    ///
    /// # Errors
    /// The database failed.
    pub async fn end_sessions_of_users(
        &self,
        after: Option<UserId>,
        limit: u64,
        event: Event,
        deadline: Instant,
    ) -> Result<Option<(UserId, usize)>, DbError> {
        self.write(deadline, move |transaction| {
            Box::pin(end_sessions(transaction, after, limit, event.clone()))
        })
        .await
    }
}

async fn end_sessions(
    transaction: &DatabaseTransaction,
    after: Option<UserId>,
    limit: u64,
    event: Event,
) -> Result<Option<(UserId, usize)>, DbErr> {
    let mut ids = Users::find().order_by_asc(Column::Id).limit(limit);
    if let Some(after) = after {
        ids = ids.filter(Column::Id.gt(after.uuid()));
    }
    let ids: Vec<Uuid> = ids
        .select_only()
        .column(Column::Id)
        .into_tuple()
        .all(transaction)
        .await?;
    let (Some(first), Some(last)) = (ids.first().copied(), ids.last().copied()) else {
        return Ok(None);
    };
    let end = ending_sessions(Users::update_many()).filter(Column::Id.between(first, last));
    visible(end, event.at).exec(transaction).await?;
    if after.is_none() {
        // One for all of them, with the first.
        record(transaction, &event).await?;
    }
    Ok(Some((UserId::new(last), ids.len())))
}

/// The key in the order of bytes, as an index has it on either database.
fn key_in_bytes(backend: DbBackend) -> Expr {
    match backend {
        DbBackend::Postgres => Expr::cust(r#""users"."email_key" COLLATE "C""#),
        _ => Expr::col((Users, Column::EmailKey)),
    }
}
