//! Changes of a user's password: with the current one, by a one-time token, or at another cost.

use sea_orm::{ColumnTrait, DatabaseTransaction, DbErr, QueryFilter, UpdateMany, sea_query::Expr};
use tokio::time::Instant;

use super::{
    change::{apply, ending_sessions, update_of, verified_at, visible},
    sessions::keep_asking_session,
};
use crate::db::{
    Db, DbError,
    entity::users::{Column, Entity as Users, scheme_column},
    events::record,
    query::session_lives,
    tokens::void::void_tokens,
};
use crate::domain::{Event, HashedPassword, PasswordScheme, SessionId, User, UserId};

/// What a user proved before they asked for a change: it must still hold when the change is made.
#[derive(Debug)]
pub struct ProvenUser {
    /// The live session that asked.
    pub session: SessionId,
    /// The hash that the current password was verified against.
    pub verified: Option<HashedPassword>,
}

impl ProvenUser {
    /// The user is active, the session lives, and the password is still the verified one.
    pub(super) fn holds(&self) -> sea_orm::Condition {
        session_lives(self.session).add(has_password(self.verified.as_ref()))
    }
}

impl Db {
    /// Sets a new password for a user who proved the current one. The session that asked lives on;
    /// the user's other sessions and one-time tokens end. Returns whether the proof still held.
    pub async fn change_password(
        &self,
        id: UserId,
        proof: ProvenUser,
        hashed: HashedPassword,
        event: Event,
        deadline: Instant,
    ) -> Result<bool, DbError> {
        let input = (proof, hashed, event);
        self.write(
            deadline,
            input,
            move |transaction, (proof, hashed, event)| {
                Box::pin(async move {
                    let update = with_password(update_of(id).filter(proof.holds()), hashed);
                    let update = visible(ending_sessions(update), event.at);
                    let Some(user) = apply(transaction, update).await? else {
                        return Ok(false);
                    };
                    keep_asking_session(transaction, proof.session, user.session_epoch, true)
                        .await?;
                    void_tokens(transaction, id, None, event.at).await?;
                    record(transaction, event).await?;
                    Ok(true)
                })
            },
        )
        .await
    }

    /// Stores the same password at another cost, which nobody can see. Returns whether the stored
    /// hash was still the verified one.
    pub async fn rehash_password(
        &self,
        id: UserId,
        verified: HashedPassword,
        hashed: HashedPassword,
        deadline: Instant,
    ) -> Result<bool, DbError> {
        let input = (verified, hashed);
        self.write(deadline, input, move |transaction, (verified, hashed)| {
            let update = update_of(id).filter(has_password(Some(verified)));
            let update = with_password(update, hashed);
            Box::pin(async move { Ok(update.exec(transaction).await?.rows_affected == 1) })
        })
        .await
    }
}

/// Sets a new password by a one-time token and ends all sessions and tokens. A token that came by mail
/// verifies the address.
pub(in crate::db) async fn reset_password(
    transaction: &DatabaseTransaction,
    id: UserId,
    hashed: &HashedPassword,
    proves_address: bool,
    event: &Event,
) -> Result<Option<User>, DbErr> {
    let mut update = with_password(update_of(id), hashed);
    if proves_address {
        update = verified_at(update, Some(event.at));
    }
    let update = visible(ending_sessions(update), event.at);
    let Some(user) = apply(transaction, update).await? else {
        return Ok(None);
    };
    void_tokens(transaction, id, None, event.at).await?;
    record(transaction, event).await?;
    Ok(Some(user))
}

fn with_password(update: UpdateMany<Users>, hashed: &HashedPassword) -> UpdateMany<Users> {
    let scheme = scheme_column(PasswordScheme::Nfc);
    update
        .col_expr(Column::HashedPassword, Expr::value(hashed.as_str()))
        .col_expr(Column::PasswordScheme, Expr::value(scheme))
}

/// The stored hash is the one that a password was verified against; `None`: no password is set.
fn has_password(verified: Option<&HashedPassword>) -> Expr {
    match verified {
        Some(verified) => Column::HashedPassword.eq(verified.as_str()),
        None => Column::HashedPassword.is_null(),
    }
}
