//! Current passwords that a session's holder tries: the session that tries wrong ones ends.

use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, QueryFilter,
    sea_query::{Expr, Query, SelectStatement},
};
use tokio::time::Instant;

use super::{
    Db, DbError,
    entity::{
        sessions::{Column, Entity as Sessions},
        to_micros,
        users::{self, Entity as Users, status_column},
    },
    events::record,
};
use crate::domain::{Event, SessionId, UserStatus};

/// The wrong password that ends a session.
const LAST_WRONG: i32 = 5;

/// What became of a session whose holder tried a wrong password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum AfterWrong {
    /// It may try again.
    Lives,
    /// This was one too many.
    Ends,
    /// It had ended before.
    HadEnded,
}

impl Db {
    /// Counts a wrong current password against the session that tried it, and with the fifth in a row
    /// ends the session; `ended` is written then.
    ///
    /// # Errors
    /// The database failed.
    pub async fn count_wrong_password(
        &self,
        id: SessionId,
        ended: Event,
        deadline: Instant,
    ) -> Result<AfterWrong, DbError> {
        self.write(deadline, move |transaction| {
            let next = || Expr::col((Sessions, Column::WrongPasswords)).add(1);
            let now = Expr::value(to_micros(ended.at));
            let count = Sessions::update_many()
                .col_expr(Column::WrongPasswords, next())
                .col_expr(
                    Column::RevokedAt,
                    Expr::case(next().gte(LAST_WRONG), now).into(),
                )
                .filter(Column::Id.eq(id.uuid()))
                .filter(Column::RevokedAt.is_null());
            let ended = ended.clone();
            Box::pin(async move {
                let counted = count.exec_with_returning(transaction).await?;
                Ok(match counted.into_iter().next() {
                    None => AfterWrong::HadEnded,
                    Some(session) if session.revoked_at.is_none() => AfterWrong::Lives,
                    Some(_) => {
                        record(transaction, &ended).await?;
                        AfterWrong::Ends
                    }
                })
            })
        })
        .await
    }
}

/// Forgets the wrong passwords of a session whose holder knew the right one. Answers whether the
/// session lives: guesses that are verified at the same time as those that ended it learn nothing.
pub(super) async fn forget_wrong_passwords(
    transaction: &DatabaseTransaction,
    id: SessionId,
) -> Result<bool, DbErr> {
    let forget = Sessions::update_many()
        .col_expr(Column::WrongPasswords, Expr::value(0))
        .filter(live(id))
        .filter(Expr::exists(live_user()));
    Ok(forget.exec(transaction).await?.rows_affected == 1)
}

/// A session that nobody ended by itself.
pub(super) fn live(id: SessionId) -> Condition {
    Condition::all()
        .add(Expr::col((Sessions, Column::Id)).eq(id.uuid()))
        .add(Expr::col((Sessions, Column::RevokedAt)).is_null())
}

/// The active user of a session, of whose epoch it is.
fn live_user() -> SelectStatement {
    Query::select()
        .expr(Expr::value(1))
        .from(Users)
        .cond_where(of_live_user())
        .to_owned()
}

/// What joins a session and the active user of whose epoch it is.
pub(super) fn of_live_user() -> Condition {
    Condition::all()
        .add(Expr::col((Users, users::Column::Id)).equals((Sessions, Column::UserId)))
        .add(Expr::col((Users, users::Column::SessionEpoch)).equals((Sessions, Column::Epoch)))
        .add(Expr::col((Users, users::Column::Status)).eq(status_column(UserStatus::Active)))
}
