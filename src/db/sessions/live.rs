//! Which sessions live, as a condition: the same rule as that of the verdict.

use chrono::TimeDelta;
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, sea_query::Expr,
};

use crate::db::{
    entity::{
        sessions::{Column, Entity as Sessions},
        to_micros,
    },
    events::record,
};
use crate::domain::{
    Event, EventId, EventKind, Session, SessionId, SessionLimits, Timestamp, UserId, uuid_v7,
};

/// How many one login ends at most, where the limit was lowered.
const SURPLUS_MAX: u64 = 1_000;

/// The live sessions of an active user of an epoch.
pub(super) fn live_of(
    user_id: UserId,
    epoch: i64,
    limits: SessionLimits,
    now: Timestamp,
) -> Condition {
    let since = |limit| {
        let limit = TimeDelta::from_std(limit).ok();
        let since = limit.and_then(|limit| now.checked_sub_signed(limit));
        to_micros(since.unwrap_or(Timestamp::UNIX_EPOCH))
    };
    Condition::all()
        .add(Column::UserId.eq(user_id.uuid()))
        .add(Column::Epoch.eq(epoch))
        .add(Column::RevokedAt.is_null())
        .add(Column::ExpiresAt.gt(to_micros(now)))
        .add(Column::CreatedAt.gt(since(limits.lifetime)))
        .add(Column::LastSeenAt.gt(since(limits.idle)))
}

/// Ends the oldest of a user's live sessions where there are more than may be, but never the new one,
/// whatever the clock said when the others were made.
pub(super) async fn end_surplus(
    transaction: &DatabaseTransaction,
    new: &Session,
    limits: SessionLimits,
    created: &Event,
) -> Result<(), DbErr> {
    let surplus = Sessions::find()
        .select_only()
        .column(Column::Id)
        .filter(live_of(new.user_id, new.epoch, limits, created.at))
        .filter(Column::Id.ne(new.id.uuid()))
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::Id)
        .offset(limits.per_user.saturating_sub(1))
        .limit(SURPLUS_MAX)
        .into_query();
    let ended = Sessions::update_many()
        .col_expr(Column::RevokedAt, Expr::value(to_micros(created.at)))
        .filter(Column::Id.in_subquery(surplus))
        .exec_with_returning(transaction)
        .await?;
    for session in ended {
        let mut random = [0; 10];
        // A session ends once, so what is random in its id is in no other event's.
        random.copy_from_slice(&session.id.as_bytes()[6..]);
        let event = Event {
            id: EventId::new(uuid_v7(created.at, random)),
            kind: EventKind::SessionRevoked,
            session_id: Some(SessionId::new(session.id)),
            ..created.clone()
        };
        record(transaction, &event).await?;
    }
    Ok(())
}
