//! Changes of a user: the seed's `update_user`.

use sea_orm::{
    ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, QueryFilter, UpdateMany,
    sea_query::Expr,
};
use thiserror::Error;
use tokio::time::Instant as Deadline;

use crate::db::{
    Db, DbError,
    entity::{
        to_micros,
        users::{Column, Entity as Users, scheme_column, status_column},
    },
    events::record,
};
use crate::domain::{Event, HashedPassword, Instant, PasswordScheme, User, UserId, UserStatus};

/// A change of one user. Each raises `version` and `updated_at`, but for the rehash, which nobody
/// can see.
#[derive(Debug, Clone)]
pub enum UserChange {
    /// A new password; ends all sessions. Refused when the stored hash is not the verified one.
    Password {
        /// The hash that the current password was verified against.
        verified: Option<HashedPassword>,
        /// The hash of the new one.
        hashed: HashedPassword,
    },
    /// The same password at another cost. Refused when the stored hash is not the verified one.
    Rehash {
        /// The hash that the password was verified against.
        verified: HashedPassword,
        /// The new hash.
        hashed: HashedPassword,
    },
    /// May or may not log in; disabling ends all sessions and enabling restores none.
    Status(UserStatus),
    /// Ends all sessions.
    EndSessions,
}

/// Why a user was not changed.
#[derive(Debug, Error)]
pub enum UpdateUserError {
    /// There is no user with this id.
    #[error("no such user")]
    UnknownUser,
    /// The password was changed since it was verified.
    #[error("the password was changed meanwhile")]
    PasswordChanged,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Db {
    /// Changes a user and answers with the user as changed. A rehash is no event.
    ///
    /// # Errors
    /// There is no such user, the password was changed meanwhile, or the database failed.
    pub async fn update_user(
        &self,
        id: UserId,
        change: UserChange,
        now: Instant,
        event: Option<Event>,
        deadline: Deadline,
    ) -> Result<User, UpdateUserError> {
        self.write(deadline, move |transaction| {
            Box::pin(update(transaction, id, change.clone(), now, event.clone()))
        })
        .await?
    }
}

async fn update(
    transaction: &DatabaseTransaction,
    id: UserId,
    change: UserChange,
    now: Instant,
    event: Option<Event>,
) -> Result<Result<User, UpdateUserError>, DbErr> {
    let statement = update_statement(id, change, now);
    if let Some(row) = statement
        .exec_with_returning(transaction)
        .await?
        .into_iter()
        .next()
    {
        if let Some(event) = event {
            record(transaction, &event).await?;
        }
        return Ok(Ok(row.into()));
    }
    let is_there = Users::find_by_id(id.uuid())
        .one(transaction)
        .await?
        .is_some();
    Ok(Err(if is_there {
        UpdateUserError::PasswordChanged
    } else {
        UpdateUserError::UnknownUser
    }))
}

fn update_statement(id: UserId, change: UserChange, now: Instant) -> UpdateMany<Users> {
    let statement = Users::update_many().filter(Column::Id.eq(id.uuid()));
    match change {
        UserChange::Rehash { verified, hashed } => {
            with_password(statement, Some(verified), &hashed)
        }
        UserChange::Password { verified, hashed } => {
            let statement = with_password(statement, verified, &hashed);
            visible(ending_sessions(statement), now)
        }
        UserChange::Status(status) => {
            let statement = statement.col_expr(Column::Status, Expr::value(status_column(status)));
            match status {
                UserStatus::Active => visible(statement, now),
                UserStatus::Disabled => visible(ending_sessions(statement), now),
            }
        }
        UserChange::EndSessions => visible(ending_sessions(statement), now),
    }
}

fn ending_sessions(statement: UpdateMany<Users>) -> UpdateMany<Users> {
    statement.col_expr(Column::SessionEpoch, Expr::col(Column::SessionEpoch).add(1))
}

fn visible(statement: UpdateMany<Users>, now: Instant) -> UpdateMany<Users> {
    statement
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .col_expr(Column::UpdatedAt, Expr::value(to_micros(now)))
}

/// Every write of a password is conditional on the hash that was verified.
fn with_password(
    statement: UpdateMany<Users>,
    verified: Option<HashedPassword>,
    hashed: &HashedPassword,
) -> UpdateMany<Users> {
    let stored = match verified {
        Some(verified) => Column::HashedPassword.eq(verified.as_str()),
        None => Column::HashedPassword.is_null(),
    };
    statement
        .filter(stored)
        .col_expr(Column::HashedPassword, Expr::value(hashed.as_str()))
        .col_expr(
            Column::PasswordScheme,
            Expr::value(scheme_column(PasswordScheme::Nfc)),
        )
}
