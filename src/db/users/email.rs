//! Changes of a user's address, and of whether it is verified.

use sea_orm::{
    Condition, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, IntoTableRef, LockType},
};
use thiserror::Error;
use tokio::time::Instant;

use super::change::{apply, ending_sessions, update_of, verified_at, visible};
use crate::db::{
    Db, DbError,
    entity::users::{Column, Entity as Users, Model},
    events::record,
    mail::void_mail_to,
    query::exists,
    tokens::void::void_tokens,
};
use crate::domain::{Email, Event, EventKind, TokenPurpose, User, UserEdit, UserId};

/// Why nothing was written.
#[derive(Debug, Error)]
pub enum UpdateUserError {
    /// There is no user with this id.
    #[error("no such user")]
    UnknownUser,
    /// The user was changed since the etag was read.
    #[error("the user was changed meanwhile")]
    EtagMismatch,
    /// Another user has the address.
    #[error("the address is taken")]
    EmailTaken,
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Db {
    /// Writes fields of a user in a transaction that has locked the row, and returns the user as
    /// changed. Fields that would change nothing are not written. The event gets the kind of the
    /// change.
    pub async fn update_user(
        &self,
        id: UserId,
        edit: UserEdit,
        event: Event,
        deadline: Instant,
    ) -> Result<User, UpdateUserError> {
        let input = (edit, event);
        self.write(deadline, input, move |transaction, (edit, event)| {
            Box::pin(update_in(transaction, id, edit, event))
        })
        .await?
    }
}

async fn update_in(
    transaction: &DatabaseTransaction,
    id: UserId,
    edit: &UserEdit,
    event: &Event,
) -> Result<Result<User, UpdateUserError>, DbErr> {
    let row = Users::find_by_id(id.uuid()).lock(LockType::NoKeyUpdate);
    let Some(row) = row.one(transaction).await? else {
        return Ok(Err(UpdateUserError::UnknownUser));
    };
    let etag = row.version.to_string();
    if edit.etag.as_ref().is_some_and(|expected| *expected != etag) {
        return Ok(Err(UpdateUserError::EtagMismatch));
    }
    let new = edit.email.as_ref();
    match new.filter(|new| new.key().as_str() != row.email_key) {
        Some(new) => {
            let verified = edit.email_verified.unwrap_or(false);
            let event = of_kind(EventKind::EmailChanged, event);
            let changed = change_email(transaction, &row, new, verified, &event).await?;
            Ok(changed.ok_or(UpdateUserError::EmailTaken))
        }
        None => set_verified(transaction, row, edit.email_verified, event)
            .await
            .map(Ok),
    }
}

/// Gives a user, whose row is locked, another address and ends all sessions, tokens and mail to the
/// former address. `None`: another user has the address.
///
/// Looking for that user spares the failure of the statement in the usual case; a user who takes the
/// address at the same time makes the unique key refuse, and the transaction that is done again sees
/// them.
pub(in crate::db) async fn change_email(
    transaction: &DatabaseTransaction,
    user: &Model,
    new: &Email,
    verified: bool,
    event: &Event,
) -> Result<Option<User>, DbErr> {
    let id = UserId::new(user.id);
    let other = |column| Expr::col(("others", column));
    let is_taken = Condition::all()
        .add(other(Column::EmailKey).eq(new.key().as_str()))
        .add(other(Column::Id).ne(user.id));
    let update = update_of(id)
        .filter(exists(Users.into_table_ref().alias("others"), is_taken).not())
        .col_expr(Column::Email, Expr::value(new.as_given()))
        .col_expr(Column::EmailKey, Expr::value(new.key().as_str()));
    let update = verified_at(update, verified.then_some(event.at));
    let update = visible(ending_sessions(update), event.at);
    let Some(changed) = apply(transaction, update).await? else {
        return Ok(None);
    };
    void_tokens(transaction, id, None, event.at).await?;
    void_mail_to(transaction, &user.email_key).await?;
    record(transaction, event).await?;
    Ok(Some(changed))
}

/// Stores that a user's address is verified and ends the tokens that verify it.
pub(in crate::db) async fn verify_email(
    transaction: &DatabaseTransaction,
    id: UserId,
    event: &Event,
) -> Result<Option<User>, DbErr> {
    let update = visible(verified_at(update_of(id), Some(event.at)), event.at);
    let Some(user) = apply(transaction, update).await? else {
        return Ok(None);
    };
    let proofs = Some(TokenPurpose::EmailVerification);
    void_tokens(transaction, id, proofs, event.at).await?;
    record(transaction, event).await?;
    Ok(Some(user))
}

/// The address stays the same, whatever its case: only whether it is verified may change.
async fn set_verified(
    transaction: &DatabaseTransaction,
    row: Model,
    verified: Option<bool>,
    event: &Event,
) -> Result<User, DbErr> {
    let id = UserId::new(row.id);
    let changed = match verified.filter(|verified| *verified != row.email_verified_at.is_some()) {
        None => None,
        Some(true) => {
            let event = of_kind(EventKind::EmailVerified, event);
            verify_email(transaction, id, &event).await?
        }
        Some(false) => {
            let update = visible(verified_at(update_of(id), None), event.at);
            apply(transaction, update).await?
        }
    };
    Ok(changed.unwrap_or_else(|| row.into()))
}

fn of_kind(kind: EventKind, event: &Event) -> Event {
    Event {
        kind,
        ..event.clone()
    }
}
