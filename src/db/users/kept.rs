//! Sessions that live on when the epoch of their user rises: they are moved to the new one.

use sea_orm::{ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, sea_query::Expr};

use crate::db::{
    attempts::live,
    entity::{sessions, to_micros},
};
use crate::domain::{SessionId, Timestamp, User};

/// Sessions that live on; only those that lived until now can.
#[derive(Debug, Clone, Copy)]
pub enum KeptSessions {
    /// This one, if it is the user's.
    One(SessionId),
    /// Those of whoever proved who they are at this instant or later.
    AuthenticatedSince(Timestamp),
}

/// Moves the session that asked to the new epoch; one that was ended meanwhile stays so. Its wrong
/// passwords are forgotten only for the right one.
pub(super) async fn keep(
    transaction: &DatabaseTransaction,
    session: SessionId,
    epoch: i64,
    knows_password: bool,
) -> Result<(), DbErr> {
    let mut keep = sessions::Entity::update_many()
        .col_expr(sessions::Column::Epoch, Expr::value(epoch))
        .filter(live(session));
    if knows_password {
        keep = keep.col_expr(sessions::Column::WrongPasswords, Expr::value(0));
    }
    keep.exec(transaction).await.map(|_| ())
}

/// Moves the sessions that live on to the new epoch. Logins that are under way have the old one.
pub(super) async fn keep_some(
    transaction: &DatabaseTransaction,
    user: &User,
    kept: KeptSessions,
) -> Result<(), DbErr> {
    let keep = sessions::Entity::update_many()
        .col_expr(sessions::Column::Epoch, Expr::value(user.session_epoch))
        .filter(sessions::Column::UserId.eq(user.id.uuid()))
        .filter(sessions::Column::Epoch.eq(user.session_epoch - 1))
        .filter(sessions::Column::RevokedAt.is_null());
    let keep = match kept {
        KeptSessions::One(id) => keep.filter(sessions::Column::Id.eq(id.uuid())),
        KeptSessions::AuthenticatedSince(instant) => {
            keep.filter(sessions::Column::AuthenticatedAt.gte(to_micros(instant)))
        }
    };
    keep.exec(transaction).await.map(|_| ())
}
