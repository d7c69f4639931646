//! Changes of a user's address, and of whether it is verified.

use sea_orm::{
    Condition, DatabaseTransaction, DbErr, ExprTrait, QueryFilter, UpdateMany,
    sea_query::{Expr, IntoTableRef},
};
use thiserror::Error;
use tokio::time::Instant;

use super::change::{carry_out, update_of, verified_at, visible};
use crate::db::{
    Db, DbError,
    ends::{Change, lock_user},
    entity::users::{Column, Entity as Users, Model},
    mail::{Notice, enqueue_notice},
    query::{exists, kept_for_another},
};
use crate::domain::{Email, Event, EventKind, MailPurpose, Timestamp, User, UserEdit, UserId};

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
    let Some(row) = lock_user(transaction, id).await? else {
        return Ok(Err(UpdateUserError::UnknownUser));
    };
    let etag = row.version.to_string();
    if edit.etag.as_ref().is_some_and(|expected| *expected != etag) {
        return Ok(Err(UpdateUserError::EtagMismatch));
    }
    let new = edit.email.as_ref();
    if let Some(new) = new.filter(|new| new.key().as_str() != row.email_key) {
        let verified = edit.email_verified.unwrap_or(false);
        let event = of_kind(EventKind::EmailChanged, event);
        let assigned = assign_email(transaction, &row, new, verified, &event).await?;
        return Ok(assigned.ok_or(UpdateUserError::EmailTaken));
    }
    let row = respell(transaction, row, new, event.at).await?;
    let updated = set_verified(transaction, row, edit.email_verified, event);
    updated.await.map(Ok)
}

/// Gives a user, whose row is locked, another address on behalf of a named caller or an operator, and
/// tells both addresses by mail.
async fn assign_email(
    transaction: &DatabaseTransaction,
    row: &Model,
    new: &Email,
    verified: bool,
    event: &Event,
) -> Result<Option<User>, DbErr> {
    let former = row.email_key.as_str();
    let change = Change::EmailAssigned { former };
    let update = email_update(UserId::new(row.id), verified.then_some(event.at));
    let changed = change_email(transaction, row, new, (update, change), event).await?;
    let Some(user) = changed else {
        return Ok(None);
    };
    for notice in [
        Notice::to_user(row, MailPurpose::EmailChanged),
        Notice::to_user(&user, MailPurpose::EmailAssigned),
    ] {
        enqueue_notice(transaction, notice, event.at).await?;
    }
    Ok(Some(user.into()))
}

/// An update that gives a user another address, to be completed by [`change_email`].
pub(in crate::db) fn email_update(id: UserId, verified: Option<Timestamp>) -> UpdateMany<Users> {
    verified_at(update_of(id), verified)
}

/// Gives a user, whose row is locked, another address, by an update that may set more, and ends what the
/// change ends. `None`: another user has the address, or had it and may take it back.
///
/// Looking for that user spares the failure of the statement in the usual case; a user who takes the
/// address at the same time makes the unique key refuse, and the transaction that is done again sees
/// them.
pub(in crate::db) async fn change_email(
    transaction: &DatabaseTransaction,
    user: &Model,
    new: &Email,
    (update, change): (UpdateMany<Users>, Change<'_>),
    event: &Event,
) -> Result<Option<Model>, DbErr> {
    let other = |column| Expr::col(("others", column));
    let is_taken = Condition::all()
        .add(other(Column::EmailKey).eq(new.key().as_str()))
        .add(other(Column::Id).ne(user.id));
    let update = update
        .filter(exists(Users.into_table_ref().alias("others"), is_taken).not())
        .filter(kept_for_another(new.key().as_str(), user.id, event.at).not())
        .col_expr(Column::Email, Expr::value(new.as_given()))
        .col_expr(Column::EmailKey, Expr::value(new.key().as_str()));
    carry_out(transaction, update, change, event).await
}

/// Stores that a user's address is verified, and ends the requests that verify it.
pub(in crate::db) async fn verify_email(
    transaction: &DatabaseTransaction,
    id: UserId,
    event: &Event,
) -> Result<Option<User>, DbErr> {
    let update = verified_at(update_of(id), Some(event.at));
    let changed = carry_out(transaction, update, Change::EmailVerified, event).await?;
    Ok(changed.map(User::from))
}

/// Stores another spelling of the address, which is the same address.
async fn respell(
    transaction: &DatabaseTransaction,
    row: Model,
    new: Option<&Email>,
    now: Timestamp,
) -> Result<Model, DbErr> {
    let Some(new) = new.filter(|new| new.as_given() != row.email) else {
        return Ok(row);
    };
    let update = visible(update_of(UserId::new(row.id)), now)
        .col_expr(Column::Email, Expr::value(new.as_given()));
    let updated = update.exec_with_returning(transaction).await?;
    Ok(updated.into_iter().next().unwrap_or(row))
}

/// The address stays the same: only whether it is verified may change.
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
            let updated = update.exec_with_returning(transaction).await?;
            updated.into_iter().next().map(User::from)
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
