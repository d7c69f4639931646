//! What changes of a user are made of. Each is one statement on the user's row; those that end
//! sessions raise the epoch, and those that change what one-time tokens were issued for end the
//! outstanding tokens.

use sea_orm::{
    ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, QueryFilter, UpdateMany,
    sea_query::Expr,
};

use crate::db::entity::{
    to_micros,
    users::{Column, Entity as Users},
};
use crate::domain::{Timestamp, User, UserId};

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

/// Raises the epoch, which ends every session and every login under way.
pub(super) fn ending_sessions(update: UpdateMany<Users>) -> UpdateMany<Users> {
    update.col_expr(Column::SessionEpoch, Expr::col(Column::SessionEpoch).add(1))
}

/// Sets when the address was verified.
pub(super) fn verified_at(update: UpdateMany<Users>, at: Option<Timestamp>) -> UpdateMany<Users> {
    update.col_expr(Column::EmailVerifiedAt, Expr::value(at.map(to_micros)))
}

/// Runs an update of one user and returns the user as changed. `None`: there is no such user, or a
/// condition of the update does not hold.
pub(super) async fn apply(
    transaction: &DatabaseTransaction,
    update: UpdateMany<Users>,
) -> Result<Option<User>, DbErr> {
    let updated = update.exec_with_returning(transaction).await?;
    Ok(updated.into_iter().next().map(User::from))
}
