//! The end of users' sessions by a raise of the epoch.

use sea_orm::{
    ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, QueryFilter, QuerySelect,
    sea_query::Expr,
};
use tokio::time::Instant;
use uuid::Uuid;

use super::change::{carry_out, update_of};
use crate::db::{
    Db, DbError,
    ends::{Change, KeptSessions, end_requests_between},
    entity::{
        to_micros,
        users::{self, Entity as Users},
    },
    events::record,
    query::page_after,
};
use crate::domain::{Event, UserId};

/// How far epochs and versions are raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EpochRaise {
    ByOne,
    /// Beyond every epoch and etag that was handed out after the backup was made: none of those must
    /// come to name another state.
    AfterRestore,
}

impl EpochRaise {
    fn amount(self) -> i64 {
        match self {
            Self::ByOne => 1,
            Self::AfterRestore => 1 << 32,
        }
    }
}

impl Db {
    /// Ends a user's sessions but the kept ones, and requests. Returns whether there is such a user.
    pub async fn end_sessions(
        &self,
        id: UserId,
        kept: KeptSessions,
        event: Event,
        deadline: Instant,
    ) -> Result<bool, DbError> {
        self.write(deadline, event, move |transaction, event| {
            Box::pin(async move {
                let change = Change::SessionsEnded(kept);
                let user = carry_out(transaction, update_of(id), change, event).await?;
                Ok(user.is_some())
            })
        })
        .await
    }

    /// Ends all sessions and requests of `limit` users in the order of their ids, from the one after
    /// `after` on. Returns the last of them and their number; `None`: there are no more. The first page
    /// records the event, once for all users.
    pub async fn end_sessions_of_users(
        &self,
        page: (Option<UserId>, u64),
        raise: EpochRaise,
        event: Event,
        deadline: Instant,
    ) -> Result<Option<(UserId, usize)>, DbError> {
        self.write(deadline, event, move |transaction, event| {
            Box::pin(end_page(transaction, page, raise, event))
        })
        .await
    }
}

async fn end_page(
    transaction: &DatabaseTransaction,
    (after, limit): (Option<UserId>, u64),
    raise: EpochRaise,
    event: &Event,
) -> Result<Option<(UserId, usize)>, DbErr> {
    let id = users::Column::Id;
    let page = page_after(Users::find(), id, after.map(UserId::uuid), limit);
    let ids = page.select_only().column(id).into_tuple();
    let ids: Vec<Uuid> = ids.all(transaction).await?;
    let (Some(first), Some(last)) = (ids.first().copied(), ids.last().copied()) else {
        return Ok(None);
    };
    let raised = |column: users::Column| Expr::col(column).add(raise.amount());
    let epoch = users::Column::SessionEpoch;
    Users::update_many()
        .col_expr(epoch, raised(epoch))
        .col_expr(users::Column::Version, raised(users::Column::Version))
        .col_expr(users::Column::UpdatedAt, Expr::value(to_micros(event.at)))
        .filter(id.between(first, last))
        .exec(transaction)
        .await?;
    end_requests_between(transaction, (first, last), event.at).await?;
    if after.is_none() {
        record(transaction, event).await?;
    }
    Ok(Some((UserId::new(last), ids.len())))
}
