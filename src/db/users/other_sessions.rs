//! How a user ends their other sessions by one of them. It ends others only so often: whoever stole it
//! could otherwise end every session that its user opens.

use chrono::TimeDelta;
use sea_orm::{
    ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, UpdateMany, sea_query::Expr,
};
use tokio::time::Instant;

use super::change::{carry_out, update_of};
use crate::db::{
    Db, DbError,
    ends::{Change, lock_user},
    entity::{
        from_micros,
        sessions::{Column, Entity as Sessions, Model},
        to_micros,
        users::{self, Entity as Users},
    },
    events::record,
    query::session_lives,
    sessions::live_of,
};
use crate::domain::{Event, SessionId, SessionLimits, Timestamp, UserId};

/// The least time between two ends of all other sessions by one session.
const SPACING: TimeDelta = TimeDelta::minutes(1);
/// What the end of a single session costs of [`SPACING`]: ten a minute are possible.
const COST: TimeDelta = TimeDelta::seconds(6);

/// The outcome of ending other sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum OthersEnded {
    /// They ended; or there was nothing to end, and nothing was changed.
    Yes,
    /// The asking session ended others too recently; it may do so again at this time.
    TooSoon(Timestamp),
    /// The asking session had ended.
    HadEnded,
}

impl Db {
    /// Ends a user's sessions but the one that asks, and the requests that other sessions or nobody's
    /// made. Where there is nothing to end, nothing is written.
    pub async fn end_other_sessions(
        &self,
        (user, by): (UserId, SessionId),
        limits: SessionLimits,
        event: Event,
        deadline: Instant,
    ) -> Result<OthersEnded, DbError> {
        self.write(deadline, event, move |transaction, event| {
            Box::pin(async move {
                let Some((row, asking)) = lock_asking(transaction, user, by).await? else {
                    return Ok(OthersEnded::HadEnded);
                };
                let change = Change::OthersEnded { by };
                let others = Sessions::find()
                    .filter(live_of(user, row.session_epoch, limits, event.at))
                    .filter(Column::Id.ne(by.uuid()));
                let has_others = others.one(transaction).await?.is_some();
                if !has_others
                    && !change
                        .ends()
                        .any_request(transaction, &row, event.at)
                        .await?
                {
                    return Ok(OthersEnded::Yes);
                }
                let again = from_micros(asking.others_ended_at) + SPACING;
                if event.at < again {
                    return Ok(OthersEnded::TooSoon(again));
                }
                carry_out(transaction, update_of(user), change, event).await?;
                let ended = update_session(by)
                    .col_expr(Column::OthersEndedAt, Expr::value(to_micros(event.at)));
                ended.exec(transaction).await?;
                Ok(OthersEnded::Yes)
            })
        })
        .await
    }

    /// Ends one other session of a user, and the requests that it made. Where it is not a live session
    /// of the user, nothing is written.
    pub async fn end_other_session(
        &self,
        (user, by): (UserId, SessionId),
        other: SessionId,
        limits: SessionLimits,
        event: Event,
        deadline: Instant,
    ) -> Result<OthersEnded, DbError> {
        self.write(deadline, event, move |transaction, event| {
            Box::pin(async move {
                let Some((row, asking)) = lock_asking(transaction, user, by).await? else {
                    return Ok(OthersEnded::HadEnded);
                };
                let live = Sessions::find_by_id(other.uuid()).filter(live_of(
                    user,
                    row.session_epoch,
                    limits,
                    event.at,
                ));
                if live.one(transaction).await?.is_none() {
                    return Ok(OthersEnded::Yes);
                }
                let paid = from_micros(asking.ends_until).max(event.at) + COST;
                if paid > event.at + SPACING {
                    return Ok(OthersEnded::TooSoon(paid - SPACING));
                }
                let end = update_session(other)
                    .col_expr(Column::RevokedAt, Expr::value(to_micros(event.at)));
                end.exec(transaction).await?;
                let pay =
                    update_session(by).col_expr(Column::EndsUntil, Expr::value(to_micros(paid)));
                pay.exec(transaction).await?;
                let ends = Change::SessionEnded(other).ends();
                ends.end_requests(transaction, &row, event.at).await?;
                record(transaction, event).await?;
                Ok(OthersEnded::Yes)
            })
        })
        .await
    }
}

/// The user, whose row is locked, and the session that asks. `None`: it has ended.
async fn lock_asking(
    transaction: &DatabaseTransaction,
    user: UserId,
    session: SessionId,
) -> Result<Option<(users::Model, Model)>, DbErr> {
    lock_user(transaction, user).await?;
    let lives = Users::find_by_id(user.uuid()).filter(session_lives(session));
    let asking = Sessions::find_by_id(session.uuid());
    Ok(lives
        .one(transaction)
        .await?
        .zip(asking.one(transaction).await?))
}

fn update_session(id: SessionId) -> UpdateMany<Sessions> {
    Sessions::update_many().filter(Column::Id.eq(id.uuid()))
}
