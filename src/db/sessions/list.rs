//! A user's sessions, a page at a time: those that live, or all that are stored.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Select};
use tokio::time::Instant;

use super::live::live_of;
use crate::db::{
    Db, DbError,
    entity::sessions::{Column, Entity as Sessions},
    query::page_after,
};
use crate::domain::{Session, SessionId, SessionLimits, Timestamp, User, UserId};

impl Db {
    /// A user's live sessions in the order of their ids, from the one after `after` on.
    pub async fn list_sessions(
        &self,
        user: &User,
        (limits, now): (SessionLimits, Timestamp),
        after: Option<SessionId>,
        limit: u64,
        deadline: Instant,
    ) -> Result<Vec<Session>, DbError> {
        let live = live_of(user.id, user.session_epoch, limits, now);
        let rows = Sessions::find().filter(live);
        self.page_of_sessions(rows, after, limit, deadline).await
    }

    /// A user's stored sessions, live or ended, in the order of their ids, from the one after `after`
    /// on.
    pub async fn list_stored_sessions(
        &self,
        user_id: UserId,
        after: Option<SessionId>,
        limit: u64,
        deadline: Instant,
    ) -> Result<Vec<Session>, DbError> {
        let rows = Sessions::find().filter(Column::UserId.eq(user_id.uuid()));
        self.page_of_sessions(rows, after, limit, deadline).await
    }

    async fn page_of_sessions(
        &self,
        rows: Select<Sessions>,
        after: Option<SessionId>,
        limit: u64,
        deadline: Instant,
    ) -> Result<Vec<Session>, DbError> {
        let page = page_after(rows, Column::Id, after.map(SessionId::uuid), limit);
        let rows = self.read(deadline, page.all(&self.inner.reader)).await?;
        Ok(rows.into_iter().map(Session::from).collect())
    }
}
