//! A session whose user proved the password again.

use sea_orm::{EntityTrait, QueryFilter, sea_query::Expr};
use tokio::time::Instant;

use crate::db::{
    Db, DbError,
    entity::{
        sessions::{Column, Entity as Sessions},
        to_micros, users,
    },
    query::{exists, has_password, of_live_user, unrevoked},
};
use crate::domain::{HashedPassword, Session, SessionId, Timestamp};

impl Db {
    /// Stores when the user of a session proved the password again, and forgets wrong ones. Returns the
    /// session. `None`: it has ended, or the password is no longer the one that was verified.
    pub async fn reauthenticate_session(
        &self,
        id: SessionId,
        verified: Option<HashedPassword>,
        now: Timestamp,
        deadline: Instant,
    ) -> Result<Option<Session>, DbError> {
        self.write(deadline, verified, move |transaction, verified| {
            let user = of_live_user().add(has_password(verified.as_ref()));
            let update = Sessions::update_many()
                .col_expr(Column::AuthenticatedAt, Expr::value(to_micros(now)))
                .col_expr(Column::WrongPasswords, Expr::value(0))
                .filter(unrevoked(id))
                .filter(exists(users::Entity, user));
            Box::pin(async move {
                let updated = update.exec_with_returning(transaction).await?;
                Ok(updated.into_iter().next().map(Session::from))
            })
        })
        .await
    }
}
