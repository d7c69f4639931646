//! The end of a user's sessions by a raise of the epoch, which refuses logins under way too, and the
//! sessions that live on: those are moved to the new epoch.

use sea_orm::{
    ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QuerySelect, UpdateMany,
    sea_query::Expr,
};
use tokio::time::Instant;
use uuid::Uuid;

use super::change::{apply, ending_sessions, update_of, visible};
use crate::db::{
    Db, DbError,
    entity::{
        sessions::{Column, Entity as Sessions},
        to_micros,
        users::{self, Entity as Users},
    },
    events::record,
    query::{page_after, session_lives, unrevoked},
};
use crate::domain::{Event, SessionId, Timestamp, UserId};

/// The sessions that live on; a session that has ended does not.
#[derive(Debug, Clone, Copy)]
pub enum KeptSessions {
    /// No session.
    None,
    /// This session, if it is the user's.
    One(SessionId),
    /// Sessions whose user authenticated at this time or later.
    AuthenticatedSince(Timestamp),
}

impl Db {
    /// Ends a user's sessions but the kept ones. Returns whether there is such a user.
    pub async fn end_sessions(
        &self,
        id: UserId,
        kept: KeptSessions,
        event: Event,
        deadline: Instant,
    ) -> Result<bool, DbError> {
        self.write(deadline, event, move |transaction, event| {
            Box::pin(async move {
                let update = visible(ending_sessions(update_of(id)), event.at);
                let Some(user) = apply(transaction, update).await? else {
                    return Ok(false);
                };
                keep(transaction, id, user.session_epoch, kept).await?;
                record(transaction, event).await?;
                Ok(true)
            })
        })
        .await
    }

    /// Ends a user's sessions but the one that asks. Returns whether that session still lived;
    /// otherwise nothing was changed.
    pub async fn end_other_sessions(
        &self,
        id: UserId,
        asking: SessionId,
        event: Event,
        deadline: Instant,
    ) -> Result<bool, DbError> {
        self.write(deadline, event, move |transaction, event| {
            Box::pin(async move {
                let update = update_of(id).filter(session_lives(asking));
                let update = visible(ending_sessions(update), event.at);
                let Some(user) = apply(transaction, update).await? else {
                    return Ok(false);
                };
                keep_asking_session(transaction, asking, user.session_epoch, false).await?;
                record(transaction, event).await?;
                Ok(true)
            })
        })
        .await
    }

    /// Ends all sessions of `limit` users in the order of their ids, from the one after `after` on.
    /// Returns the last of them and their number; `None`: there are no more. The first page records
    /// the event, once for all users.
    pub async fn end_sessions_of_users(
        &self,
        after: Option<UserId>,
        limit: u64,
        event: Event,
        deadline: Instant,
    ) -> Result<Option<(UserId, usize)>, DbError> {
        self.write(deadline, event, move |transaction, event| {
            Box::pin(end_page(transaction, after, limit, event))
        })
        .await
    }
}

async fn end_page(
    transaction: &DatabaseTransaction,
    after: Option<UserId>,
    limit: u64,
    event: &Event,
) -> Result<Option<(UserId, usize)>, DbErr> {
    let id = users::Column::Id;
    let page = page_after(Users::find(), id, after.map(UserId::uuid), limit);
    let ids = page.select_only().column(id).into_tuple();
    let ids: Vec<Uuid> = ids.all(transaction).await?;
    let (Some(first), Some(last)) = (ids.first().copied(), ids.last().copied()) else {
        return Ok(None);
    };
    let end = ending_sessions(Users::update_many()).filter(id.between(first, last));
    visible(end, event.at).exec(transaction).await?;
    if after.is_none() {
        record(transaction, event).await?;
    }
    Ok(Some((UserId::new(last), ids.len())))
}

/// Moves the session that asked for a change to the new epoch, unless it was ended meanwhile. Its
/// wrong passwords are forgotten if its holder gave the right one.
pub(super) async fn keep_asking_session(
    transaction: &DatabaseTransaction,
    session: SessionId,
    epoch: i64,
    gave_password: bool,
) -> Result<(), DbErr> {
    let mut keep = moved_to(epoch).filter(unrevoked(session));
    if gave_password {
        keep = keep.col_expr(Column::WrongPasswords, Expr::value(0));
    }
    keep.exec(transaction).await.map(drop)
}

/// Moves the sessions that live on to the new epoch. A login under way has the former epoch.
async fn keep(
    transaction: &DatabaseTransaction,
    user_id: UserId,
    epoch: i64,
    kept: KeptSessions,
) -> Result<(), DbErr> {
    let keep = moved_to(epoch)
        .filter(Column::UserId.eq(user_id.uuid()))
        .filter(Column::Epoch.eq(epoch - 1))
        .filter(Column::RevokedAt.is_null());
    let keep = match kept {
        KeptSessions::None => return Ok(()),
        KeptSessions::One(id) => keep.filter(Column::Id.eq(id.uuid())),
        KeptSessions::AuthenticatedSince(time) => {
            keep.filter(Column::AuthenticatedAt.gte(to_micros(time)))
        }
    };
    keep.exec(transaction).await.map(drop)
}

fn moved_to(epoch: i64) -> UpdateMany<Sessions> {
    Sessions::update_many().col_expr(Column::Epoch, Expr::value(epoch))
}
