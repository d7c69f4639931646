//! Whose mail was requested without a session.

use sea_orm::{ColumnTrait, Condition, EntityTrait, ExprTrait, QueryFilter, sea_query::Expr};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    db::{
        Db, DbError,
        entity::{
            mail_intents::{Column, Entity as MailIntents},
            users::{self, Entity as Users, status_column},
        },
        query::exists,
    },
    domain::UserStatus,
};

impl Db {
    /// Looks up who has the addresses of new requests without a session, and finishes those of nobody,
    /// however many: what strangers make up must not keep others waiting. Each request is one row
    /// written, whoever has its address. Returns how many there were.
    pub async fn look_up_mail(&self, deadline: Instant) -> Result<u64, DbError> {
        let new = || {
            Condition::all()
                .add(Column::NextTry.is_not_null())
                .add(Column::UserId.eq(Uuid::nil()))
                .add(Column::LookedUp.eq(false))
        };
        let first = MailIntents::find().filter(new()).one(&self.inner.reader);
        if self.read(deadline, first).await?.is_none() {
            return Ok(0);
        }
        self.write(deadline, (), move |transaction, ()| {
            let of_intent = Expr::col((MailIntents, Column::EmailKey));
            let owner = Condition::all()
                .add(Expr::col((Users, users::Column::EmailKey)).eq(of_intent))
                .add(users::Column::Status.eq(status_column(UserStatus::Active)));
            let due = Expr::case(exists(Users, owner), Expr::col(Column::NextTry));
            let look_up = MailIntents::update_many()
                .col_expr(Column::LookedUp, Expr::value(true))
                .col_expr(
                    Column::NextTry,
                    due.finally(Expr::value(None::<i64>)).into(),
                )
                .filter(new());
            Box::pin(async move { Ok(look_up.exec(transaction).await?.rows_affected) })
        })
        .await
    }
}
