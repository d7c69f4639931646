//! Changes of a user's password: with the current one, by a one-time token, or at another cost.

use sea_orm::{Condition, DatabaseTransaction, DbErr, QueryFilter, UpdateMany, sea_query::Expr};
use tokio::time::Instant;

use super::change::{carry_out, update_of, verified_at};
use crate::db::{
    Db, DbError,
    ends::{Change, lock_user},
    entity::users::{Column, Entity as Users, Model, scheme_column},
    mail::{Notice, enqueue_notice},
    query::{has_password, session_lives},
    sessions::forget_wrong_passwords,
};
use crate::domain::{Event, HashedPassword, MailPurpose, PasswordScheme, SessionId, User, UserId};

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
    pub(in crate::db) fn holds(&self) -> Condition {
        session_lives(self.session).add(has_password(self.verified.as_ref()))
    }
}

/// What proves that somebody knows the account: it must still hold when the change is made.
#[derive(Debug)]
pub enum AccountProof {
    /// A live session.
    Session(SessionId),
    /// The hash that the password was verified against.
    Password(HashedPassword),
}

impl AccountProof {
    pub(in crate::db) fn holds(&self) -> Condition {
        match self {
            Self::Session(session) => session_lives(*session),
            Self::Password(verified) => Condition::all().add(has_password(Some(verified))),
        }
    }
}

impl Db {
    /// Sets a new password for a user who proved the current one, and mails a notice. The session that
    /// asked lives on; the user's other sessions and requests end. Returns whether the proof still
    /// held.
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
                    lock_user(transaction, id).await?;
                    let update = with_password(update_of(id).filter(proof.holds()), hashed);
                    let by = proof.session;
                    let change = Change::PasswordChanged { by };
                    let Some(user) = carry_out(transaction, update, change, event).await? else {
                        return Ok(false);
                    };
                    forget_wrong_passwords(transaction, by).await?;
                    notify(transaction, &user, event).await?;
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

/// Sets a new password by a one-time token, ends all sessions and requests, and mails a notice. A token
/// that came by mail verifies the address.
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
    let changed = carry_out(transaction, update, Change::PasswordReset, event).await?;
    if let Some(user) = &changed {
        notify(transaction, user, event).await?;
    }
    Ok(changed.map(User::from))
}

/// Tells the user by mail that the password is another one.
async fn notify(
    transaction: &DatabaseTransaction,
    user: &Model,
    event: &Event,
) -> Result<(), DbErr> {
    let notice = Notice::to_user(user, MailPurpose::PasswordChanged);
    enqueue_notice(transaction, notice, event.at).await
}

pub(in crate::db) fn with_password(
    update: UpdateMany<Users>,
    hashed: &HashedPassword,
) -> UpdateMany<Users> {
    let scheme = scheme_column(PasswordScheme::Nfc);
    update
        .col_expr(Column::HashedPassword, Expr::value(hashed.as_str()))
        .col_expr(Column::PasswordScheme, Expr::value(scheme))
}
