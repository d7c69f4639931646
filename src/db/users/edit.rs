//! What callers write of a user: several fields at once, and only if nobody was faster.

use sea_orm::{
    ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QuerySelect,
    sea_query::LockType,
};
use thiserror::Error;
use tokio::time::Instant;

use super::change::{UpdateUserError, UserChange, update, verified_at, visible};
use crate::db::{
    Db, DbError,
    entity::users::{Column, Entity as Users, Model},
    events::record,
    tokens::redemption::void_tokens,
};
use crate::domain::{Event, EventKind, TokenPurpose, User, UserEdit, UserId};

/// Why nothing was written.
#[derive(Debug, Error)]
pub enum EditUserError {
    /// There is no user with this id.
    #[error("no such user")]
    UnknownUser,
    /// The user was changed since the etag was read.
    #[error("the user was changed meanwhile")]
    EtagMismatch,
    /// Another user has the address.
    #[error("the address is taken")]
    EmailTaken,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Db {
    /// Writes fields of a user and answers with the user as they are then. What would change nothing
    /// is not written. The event gets the kind of what happened.
    ///
    /// # Errors
    /// There is no such user, the etag is another's, the address is taken, or the database failed.
    pub async fn edit_user(
        &self,
        id: UserId,
        edit: UserEdit,
        event: Event,
        deadline: Instant,
    ) -> Result<User, EditUserError> {
        self.write(deadline, move |transaction| {
            Box::pin(edit_in(transaction, id, edit.clone(), event.clone()))
        })
        .await?
    }
}

async fn edit_in(
    transaction: &DatabaseTransaction,
    id: UserId,
    edit: UserEdit,
    event: Event,
) -> Result<Result<User, EditUserError>, DbErr> {
    // Whoever else writes to the user waits; SQLite has one writer at a time and no such lock.
    let row = Users::find_by_id(id.uuid()).lock(LockType::NoKeyUpdate);
    let Some(row) = row.one(transaction).await? else {
        return Ok(Err(EditUserError::UnknownUser));
    };
    if edit
        .etag
        .is_some_and(|etag| etag != row.version.to_string())
    {
        return Ok(Err(EditUserError::EtagMismatch));
    }
    let new = edit.email;
    match new.filter(|new| new.key().as_str() != row.email_key) {
        Some(new) => {
            let proven = edit.email_verified.unwrap_or(false);
            let change = UserChange::Email { new, proven };
            moved(transaction, id, change, event).await
        }
        None => verified(transaction, row, edit.email_verified, event)
            .await
            .map(Ok),
    }
}

async fn moved(
    transaction: &DatabaseTransaction,
    id: UserId,
    change: UserChange,
    event: Event,
) -> Result<Result<User, EditUserError>, DbErr> {
    let event = Event {
        kind: EventKind::EmailChanged,
        ..event
    };
    let moved = update(transaction, id, change, event.at, Some(event)).await?;
    Ok(moved.map_err(|error| match error {
        UpdateUserError::EmailTaken => EditUserError::EmailTaken,
        UpdateUserError::Db(error) => EditUserError::Db(error),
        UpdateUserError::UnknownUser | UpdateUserError::PasswordChanged => {
            EditUserError::UnknownUser
        }
    }))
}

/// The address stays, whatever its case: only whether it is proven may change.
async fn verified(
    transaction: &DatabaseTransaction,
    row: Model,
    verified: Option<bool>,
    event: Event,
) -> Result<User, DbErr> {
    let id = UserId::new(row.id);
    match verified.filter(|verified| *verified != row.email_verified_at.is_some()) {
        None => Ok(row.into()),
        Some(verified) => {
            let write = Users::update_many().filter(Column::Id.eq(row.id));
            let write = verified_at(write, verified.then_some(event.at));
            let written = visible(write, event.at).exec_with_returning(transaction);
            let written = written.await?.into_iter().next().unwrap_or(row);
            if verified {
                let proofs = Some(TokenPurpose::EmailVerification);
                void_tokens(transaction, id, proofs, event.at).await?;
                let kind = EventKind::EmailVerified;
                record(transaction, &Event { kind, ..event }).await?;
            }
            Ok(written.into())
        }
    }
}
