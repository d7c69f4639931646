//! A user's live sessions, page by page, and all that are kept.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tokio::time::Instant;

use super::live::live_of;
use crate::db::{
    Db, DbError,
    entity::sessions::{Column, Entity as Sessions},
};
use crate::domain::{Session, SessionId, SessionLimits, Timestamp, User, UserId};

impl Db {
    /// A user's live sessions in the order of their ids, after one, so many at most.
    ///
    /// # Errors
    /// The database failed.
    pub async fn list_sessions(
        &self,
        user: &User,
        (limits, now): (SessionLimits, Timestamp),
        after: Option<SessionId>,
        limit: u64,
        deadline: Instant,
    ) -> Result<Vec<Session>, DbError> {
        let mut list = Sessions::find()
            .filter(live_of(user.id, user.session_epoch, limits, now))
            .order_by_asc(Column::Id)
            .limit(limit);
        if let Some(after) = after {
            list = list.filter(Column::Id.gt(after.uuid()));
        }
        let rows = self.read(deadline, list.all(&self.inner.reader)).await?;
        Ok(rows.into_iter().map(Session::from).collect())
    }

    /// The sessions of a user that are kept, live or ended, in the order of their ids, after one, so
    /// many at most.
    ///
    /// # Errors
    /// The database failed.
    pub async fn list_stored_sessions(
        &self,
        user_id: UserId,
        after: Option<SessionId>,
        limit: u64,
        deadline: Instant,
    ) -> Result<Vec<Session>, DbError> {
        let mut list = Sessions::find()
            .filter(Column::UserId.eq(user_id.uuid()))
            .order_by_asc(Column::Id)
            .limit(limit);
        if let Some(after) = after {
            list = list.filter(Column::Id.gt(after.uuid()));
        }
        let rows = self.read(deadline, list.all(&self.inner.reader)).await?;
        Ok(rows.into_iter().map(Session::from).collect())
    }
}
