//! Wrong current passwords that a session's holder tries: too many in a row end the session.

use sea_orm::{DatabaseTransaction, DbErr, EntityTrait, ExprTrait, QueryFilter, sea_query::Expr};
use tokio::time::Instant;

use crate::db::{
    Db, DbError,
    ends::{Change, lock_user},
    entity::{
        sessions::{Column, Entity as Sessions},
        to_micros, users,
    },
    events::record,
    query::{exists, of_live_user, unrevoked},
};
use crate::domain::{Event, SessionId, UserId};

/// The wrong password that ends a session.
const LAST_WRONG: i32 = 5;

/// What became of a session whose holder tried a wrong password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum AfterWrong {
    /// It may try again.
    Lives,
    /// This password was one too many.
    Ends,
    /// It had ended before.
    HadEnded,
}

impl Db {
    /// Counts a wrong current password against the session that tried it. The fifth in a row ends
    /// the session and records the event.
    pub async fn count_wrong_password(
        &self,
        (user, id): (UserId, SessionId),
        ended: Event,
        deadline: Instant,
    ) -> Result<AfterWrong, DbError> {
        self.write(deadline, ended, move |transaction, ended| {
            Box::pin(async move {
                let Some(user) = lock_user(transaction, user).await? else {
                    return Ok(AfterWrong::HadEnded);
                };
                let next = || Expr::col((Sessions, Column::WrongPasswords)).add(1);
                let end = Expr::case(next().gte(LAST_WRONG), Expr::value(to_micros(ended.at)));
                let count = Sessions::update_many()
                    .col_expr(Column::WrongPasswords, next())
                    .col_expr(Column::RevokedAt, end.into())
                    .filter(unrevoked(id));
                let counted = count.exec_with_returning(transaction).await?;
                Ok(match counted.into_iter().next() {
                    None => AfterWrong::HadEnded,
                    Some(session) if session.revoked_at.is_none() => AfterWrong::Lives,
                    Some(_) => {
                        let ends = Change::SessionEnded(id).ends();
                        ends.end_requests(transaction, &user, ended.at).await?;
                        record(transaction, ended).await?;
                        AfterWrong::Ends
                    }
                })
            })
        })
        .await
    }
}

/// Resets the count for a session whose holder knew the right password. Returns whether the session
/// lives: a guess that is verified at the same time as the one that ended the session learns nothing.
pub(in crate::db) async fn forget_wrong_passwords(
    transaction: &DatabaseTransaction,
    id: SessionId,
) -> Result<bool, DbErr> {
    let forget = Sessions::update_many()
        .col_expr(Column::WrongPasswords, Expr::value(0))
        .filter(unrevoked(id))
        .filter(exists(users::Entity, of_live_user()));
    Ok(forget.exec(transaction).await?.rows_affected == 1)
}
