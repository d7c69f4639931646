//! What changes of a user are made of: one statement on the user's row, then what the change ends, and
//! its event.

use sea_orm::{
    ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, QueryFilter, UpdateMany,
    sea_query::Expr,
};

use crate::db::{
    ends::{Change, KeptSessions},
    entity::{
        sessions::{Column as SessionColumn, Entity as Sessions},
        to_micros,
        users::{Column, Entity as Users, Model},
    },
    events::record,
};
use crate::domain::{Event, Timestamp, UserId};

/// An update of one user, to be given its columns.
pub(super) fn update_of(id: UserId) -> UpdateMany<Users> {
    Users::update_many().filter(Column::Id.eq(id.uuid()))
}

/// Makes a change visible to callers: the version and the time of the last change rise.
pub(super) fn visible(update: UpdateMany<Users>, now: Timestamp) -> UpdateMany<Users> {
    update
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .col_expr(Column::UpdatedAt, Expr::value(to_micros(now)))
}

/// Raises the epoch, which ends every session.
fn ending_sessions(update: UpdateMany<Users>) -> UpdateMany<Users> {
    update.col_expr(Column::SessionEpoch, Expr::col(Column::SessionEpoch).add(1))
}

/// Sets when the address was verified.
pub(super) fn verified_at(update: UpdateMany<Users>, at: Option<Timestamp>) -> UpdateMany<Users> {
    update.col_expr(Column::EmailVerifiedAt, Expr::value(at.map(to_micros)))
}

/// Runs an update of one user, ends what the change ends, and records the event. Returns the user as
/// changed. `None`: there is no such user, or a condition of the update does not hold.
pub(super) async fn carry_out(
    transaction: &DatabaseTransaction,
    update: UpdateMany<Users>,
    change: Change<'_>,
    event: &Event,
) -> Result<Option<Model>, DbErr> {
    let ends = change.ends();
    let update = match ends.all_sessions_but {
        Some(_) => ending_sessions(update),
        None => update,
    };
    let update = visible(update, event.at);
    let updated = update.exec_with_returning(transaction).await?;
    let Some(user) = updated.into_iter().next() else {
        return Ok(None);
    };
    if let Some(kept) = ends.all_sessions_but {
        keep(transaction, &user, kept).await?;
    }
    ends.end_requests(transaction, &user, event.at).await?;
    record(transaction, event).await?;
    Ok(Some(user))
}

/// Moves the sessions that live on to the epoch that was just raised.
async fn keep(
    transaction: &DatabaseTransaction,
    user: &Model,
    kept: KeptSessions,
) -> Result<(), DbErr> {
    let keep = Sessions::update_many()
        .col_expr(SessionColumn::Epoch, Expr::value(user.session_epoch))
        .filter(SessionColumn::UserId.eq(user.id))
        .filter(SessionColumn::Epoch.eq(user.session_epoch - 1))
        .filter(SessionColumn::RevokedAt.is_null());
    let keep = match kept {
        KeptSessions::None => return Ok(()),
        KeptSessions::One(id) => keep.filter(SessionColumn::Id.eq(id.uuid())),
        KeptSessions::AuthenticatedSince(time) => {
            keep.filter(SessionColumn::AuthenticatedAt.gte(to_micros(time)))
        }
    };
    keep.exec(transaction).await.map(drop)
}
