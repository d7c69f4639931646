//! Parts of statements that several files share.

use sea_orm::{
    ColumnTrait, Condition, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, Select,
    sea_query::{
        Expr, InsertStatement, IntoIden, IntoTableRef, LockType, OnConflict, Query, SelectStatement,
    },
};
use uuid::Uuid;

use super::entity::{
    one_time_tokens::{self, token_purpose_column},
    sessions, to_micros,
    users::{self, status_column},
};
use crate::domain::{HashedPassword, SessionId, Timestamp, TokenPurpose, UserId, UserStatus};

/// A row that is there already stays as it is.
pub(super) fn or_nothing() -> OnConflict {
    OnConflict::new().do_nothing().to_owned()
}

/// The rows in the order of their ids, from the one after `after` on, `limit` at most.
pub(super) fn page_after<E: EntityTrait>(
    rows: Select<E>,
    id: E::Column,
    after: Option<Uuid>,
    limit: u64,
) -> Select<E> {
    let page = rows.order_by_asc(id).limit(limit);
    match after {
        Some(after) => page.filter(id.gt(after)),
        None => page,
    }
}

/// The ids of `limit` of the rows, whichever the database finds first.
pub(super) fn some_ids<E: EntityTrait>(
    rows: Select<E>,
    id: E::Column,
    limit: u64,
) -> SelectStatement {
    rows.select_only().column(id).limit(limit).into_query()
}

/// Whether a table has a row that meets a condition.
pub(super) fn exists(table: impl IntoTableRef, condition: Condition) -> Expr {
    let mut rows = Query::select();
    rows.expr(Expr::value(1)).from(table).cond_where(condition);
    Expr::exists(rows)
}

/// An address that its former user may take back: until then no other user gets it.
pub(super) fn kept_for_another(address: &str, user: Uuid, now: Timestamp) -> Expr {
    use one_time_tokens::Column as C;
    let keeps = kept_addresses(now)
        .add(C::NewEmailKey.eq(address))
        .add(C::UserId.ne(user));
    exists(one_time_tokens::Entity, keeps)
}

/// The tokens that restore a former address.
pub(super) fn kept_addresses(now: Timestamp) -> Condition {
    use one_time_tokens::Column as C;
    let restore = token_purpose_column(TokenPurpose::EmailRestore);
    Condition::all()
        .add(C::Purpose.eq(restore))
        .add(C::RedeemedAt.is_null())
        .add(C::ExpiresAt.gt(to_micros(now)))
}

/// A session that was not revoked by itself.
pub(super) fn unrevoked(id: SessionId) -> Condition {
    Condition::all()
        .add(Expr::col((sessions::Entity, sessions::Column::Id)).eq(id.uuid()))
        .add(Expr::col((sessions::Entity, sessions::Column::RevokedAt)).is_null())
}

/// Joins a session with its user, who is active and has the session's epoch.
pub(super) fn of_live_user() -> Condition {
    let user = |column| Expr::col((users::Entity, column));
    let session = |column| (sessions::Entity, column);
    Condition::all()
        .add(user(users::Column::Id).equals(session(sessions::Column::UserId)))
        .add(user(users::Column::SessionEpoch).equals(session(sessions::Column::Epoch)))
        .add(user(users::Column::Status).eq(status_column(UserStatus::Active)))
}

/// The session lives, and so does its user: for statements on users.
pub(super) fn session_lives(id: SessionId) -> Condition {
    let session = unrevoked(id).add(of_live_user());
    Condition::all().add(exists(sessions::Entity, session))
}

/// The user's stored hash is the one that a password was verified against; `None`: no password is set.
pub(super) fn has_password(verified: Option<&HashedPassword>) -> Expr {
    let stored = Expr::col((users::Entity, users::Column::HashedPassword));
    match verified {
        Some(verified) => stored.eq(verified.as_str()),
        None => stored.is_null(),
    }
}

/// Inserts a row for a user who is active and has an epoch, and nothing for any other. `lock` is
/// taken on the user's row.
pub(super) fn insert_for_live_user<C: IntoIden + Copy, const N: usize>(
    table: impl IntoTableRef,
    (user_id, epoch): (UserId, i64),
    lock: LockType,
    row: [(C, Expr); N],
) -> InsertStatement {
    let mut insert = Query::insert();
    insert
        .into_table(table)
        .columns(row.each_ref().map(|(column, _)| *column));
    let mut values = Query::select();
    values
        .exprs(row.map(|(_, value)| value))
        .from(users::Entity)
        .and_where(users::Column::Id.eq(user_id.uuid()))
        .and_where(users::Column::SessionEpoch.eq(epoch))
        .and_where(users::Column::Status.eq(status_column(UserStatus::Active)))
        .lock(lock);
    // Fails only where columns and values differ in number.
    let _ = insert.select_from(values);
    insert
}
