//! Erasure: of a user nothing stays but the id.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, QueryFilter,
    sea_query::Expr,
};
use tokio::time::Instant;

use super::ProvenUser;
use crate::db::{
    Db, DbError,
    ends::lock_user,
    entity::{
        erased_users, events, mail_intents, to_micros,
        users::{Column, Entity as Users, Model},
    },
    events::record,
};
use crate::domain::{Event, Timestamp, UserId};

impl Db {
    /// Erases a user: the row, sessions with their secrets, one-time tokens and pending mail, in one
    /// transaction. Events keep the bare id, which is never used again. With a proof the user is
    /// erased only while it holds. Returns whether the user was erased.
    pub async fn erase_user(
        &self,
        id: UserId,
        proof: Option<ProvenUser>,
        event: Event,
        deadline: Instant,
    ) -> Result<bool, DbError> {
        let input = (proof, event);
        self.write(deadline, input, move |transaction, (proof, event)| {
            Box::pin(async move {
                lock_user(transaction, id).await?;
                let mut erase = Users::delete_many().filter(Column::Id.eq(id.uuid()));
                if let Some(proof) = proof {
                    erase = erase.filter(proof.holds());
                }
                // Foreign keys delete what belongs to the user.
                let erased = erase.exec_with_returning(transaction).await?;
                let Some(user) = erased.into_iter().next() else {
                    return Ok(false);
                };
                delete_mail_about(transaction, &user).await?;
                remember_erased(transaction, id, event.at).await?;
                record(transaction, event).await?;
                clear_clients(transaction, id).await?;
                Ok(true)
            })
        })
        .await
    }
}

/// Mail that the user requested, and all mail to the user's address, whoever requested it.
async fn delete_mail_about(transaction: &DatabaseTransaction, user: &Model) -> Result<(), DbErr> {
    use mail_intents::Column as C;
    mail_intents::Entity::delete_many()
        .filter(C::UserId.eq(user.id).or(C::EmailKey.eq(&user.email_key)))
        .exec(transaction)
        .await
        .map(drop)
}

async fn remember_erased(
    transaction: &DatabaseTransaction,
    id: UserId,
    now: Timestamp,
) -> Result<(), DbErr> {
    let row = erased_users::ActiveModel {
        id: Set(id.uuid()),
        erased_at: Set(to_micros(now)),
    };
    erased_users::Entity::insert(row)
        .exec_without_returning(transaction)
        .await
        .map(drop)
}

async fn clear_clients(transaction: &DatabaseTransaction, id: UserId) -> Result<(), DbErr> {
    let none = || Expr::value(None::<String>);
    events::Entity::update_many()
        .col_expr(events::Column::Ip, none())
        .col_expr(events::Column::UserAgent, none())
        .filter(events::Column::UserId.eq(id.uuid()))
        .exec(transaction)
        .await
        .map(drop)
}
