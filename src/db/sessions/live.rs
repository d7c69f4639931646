//! Which sessions live, as a condition of SQL: the same rule as `SessionVerdict::of`.

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

/// The most sessions that one login ends, which matters where the limit was lowered.
const SURPLUS_MAX: u64 = 1_000;

/// The live sessions of a user who is active and has the epoch.
pub(in crate::db) fn live_of(
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

/// Ends the user's oldest live sessions beyond the limit, but never the new one, whatever the clock
/// showed when the others were created.
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
        // A session ends once, so no other event takes the random part of its id.
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
