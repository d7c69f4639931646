//! Erasure: of a user nothing stays but the id.

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, DatabaseTransaction, DbErr, EntityTrait, QueryFilter,
    sea_query::{Expr, Query},
};
use tokio::time::Instant;

use crate::db::{
    Db, DbError,
    attempts::{live, of_live_user},
    entity::{
        erased_users, events, mail_intents, sessions, to_micros,
        users::{Column, Entity as Users},
    },
    events::record,
};
use crate::domain::{Event, HashedPassword, SessionId, Timestamp, UserId};

/// What a user proved before they asked for a change: it must still be so when that is made.
#[derive(Debug, Clone)]
pub struct ProvenUser {
    /// The live session that asked.
    pub session: SessionId,
    /// The hash that the current password was verified against.
    pub verified: Option<HashedPassword>,
}

impl Db {
    /// Erases a user: the row, sessions with their secrets, one-time tokens and pending mail, in one
    /// transaction. Events keep the bare id, which is never used again. With a proof it happens only
    /// while that holds. Answers whether it happened.
    ///
    /// # Errors
    /// The database failed.
    pub async fn erase_user(
        &self,
        id: UserId,
        proof: Option<ProvenUser>,
        event: Event,
        deadline: Instant,
    ) -> Result<bool, DbError> {
        self.write(deadline, move |transaction| {
            let (proof, event) = (proof.clone(), event.clone());
            Box::pin(async move {
                let mut erase = Users::delete_many().filter(Column::Id.eq(id.uuid()));
                if let Some(proof) = proof {
                    erase = erase.filter(proof.holds());
                }
                // What belongs to the user goes with the row: see the foreign keys.
                let erased = erase.exec_with_returning(transaction).await?;
                let Some(user) = erased.into_iter().next() else {
                    return Ok(false);
                };
                forget_mail(transaction, user.email_key).await?;
                bury(transaction, id, event.at).await?;
                record(transaction, &event).await?;
                forget_clients(transaction, id).await?;
                Ok(true)
            })
        })
        .await
    }
}

impl ProvenUser {
    /// The user is active, the session lives, and the password is still the one that was verified.
    pub(in crate::db) fn holds(self) -> Condition {
        Condition::all()
            .add(has_password(self.verified))
            .add(lives(self.session))
    }
}

/// The user is active, and this session of theirs lives.
pub(super) fn lives(session: SessionId) -> Expr {
    let session = Query::select()
        .expr(Expr::value(1))
        .from(sessions::Entity)
        .cond_where(live(session))
        .cond_where(of_live_user())
        .to_owned();
    Expr::exists(session)
}

/// The stored password is the one that was verified; `None`: there is none.
pub(super) fn has_password(verified: Option<HashedPassword>) -> Expr {
    match verified {
        Some(verified) => Column::HashedPassword.eq(verified.as_str()),
        None => Column::HashedPassword.is_null(),
    }
}

/// Mail that anybody may have asked for is known by its address alone.
async fn forget_mail(transaction: &DatabaseTransaction, email_key: String) -> Result<(), DbErr> {
    mail_intents::Entity::delete_many()
        .filter(mail_intents::Column::EmailKey.eq(email_key))
        .exec(transaction)
        .await
        .map(|_| ())
}

async fn bury(transaction: &DatabaseTransaction, id: UserId, now: Timestamp) -> Result<(), DbErr> {
    let row = erased_users::ActiveModel {
        id: Set(id.uuid()),
        erased_at: Set(to_micros(now)),
    };
    erased_users::Entity::insert(row)
        .exec_without_returning(transaction)
        .await
        .map(|_| ())
}

async fn forget_clients(transaction: &DatabaseTransaction, id: UserId) -> Result<(), DbErr> {
    let none = || Expr::value(None::<String>);
    events::Entity::update_many()
        .col_expr(events::Column::Ip, none())
        .col_expr(events::Column::UserAgent, none())
        .filter(events::Column::UserId.eq(id.uuid()))
        .exec(transaction)
        .await
        .map(|_| ())
}
