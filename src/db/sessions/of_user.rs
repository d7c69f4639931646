//! The sessions of one user: listed, and ended by their ids.

use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, Query},
};
use tokio::time::Instant as Deadline;

use crate::db::{
    Db, DbError,
    attempts::of_live_user,
    entity::{
        sessions::{Column, Entity as Sessions},
        to_micros, users,
    },
    events::record,
};
use crate::domain::{Event, Instant, Session, SessionId, UserId};

/// Which sessions of a user are asked for.
#[derive(Debug, Clone, Copy)]
pub enum ListedSessions {
    /// Every one that is kept.
    Kept,
    /// Those that live.
    Live {
        /// Now.
        now: Instant,
        /// Those that were created until here have outlived the configured lifetime.
        created_after: Instant,
    },
}

impl Db {
    /// Some sessions of a user in the order of their ids, from the one after `after` on.
    ///
    /// # Errors
    /// The database failed.
    pub async fn list_sessions(
        &self,
        user_id: UserId,
        listed: ListedSessions,
        after: Option<SessionId>,
        limit: Option<u64>,
        deadline: Deadline,
    ) -> Result<Vec<Session>, DbError> {
        let mut query = Sessions::find()
            .filter(Column::UserId.eq(user_id.uuid()))
            .order_by_asc(Column::Id)
            .limit(limit);
        if let Some(after) = after {
            query = query.filter(Column::Id.gt(after.uuid()));
        }
        if let ListedSessions::Live { now, created_after } = listed {
            query = query.filter(live(now, created_after));
        }
        let rows = self.read(deadline, query.all(&self.inner.reader)).await?;
        Ok(rows.into_iter().map(Session::from).collect())
    }

    /// Ends one session of a user, if it is theirs; one that has ended keeps its instant.
    ///
    /// # Errors
    /// The database failed.
    pub async fn revoke_session_of(
        &self,
        user_id: UserId,
        id: SessionId,
        event: Event,
        deadline: Deadline,
    ) -> Result<(), DbError> {
        self.write(deadline, move |transaction| {
            let revoke = Sessions::update_many()
                .col_expr(Column::RevokedAt, Expr::value(to_micros(event.at)))
                .filter(Column::Id.eq(id.uuid()))
                .filter(Column::UserId.eq(user_id.uuid()))
                .filter(Column::RevokedAt.is_null());
            let event = event.clone();
            Box::pin(async move {
                if revoke.exec(transaction).await?.rows_affected > 0 {
                    record(transaction, &event).await?;
                }
                Ok(())
            })
        })
        .await
    }
}

/// What `SessionVerdict` calls ACTIVE, in SQL.
fn live(now: Instant, created_after: Instant) -> Condition {
    let of_user = Query::select()
        .expr(Expr::value(1))
        .from(users::Entity)
        .cond_where(of_live_user())
        .to_owned();
    Condition::all()
        .add(Column::RevokedAt.is_null())
        .add(Column::ExpiresAt.gt(to_micros(now)))
        .add(Column::CreatedAt.gt(to_micros(created_after)))
        .add(Expr::exists(of_user))
}
