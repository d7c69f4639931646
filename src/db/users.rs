//! Users: the seed's `add_user`, `find_user_by` and `update_user`.

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, QueryFilter, QuerySelect,
    QueryTrait, UpdateMany,
    sea_query::{Expr, OnConflict},
};
use thiserror::Error;
use tokio::time::Instant as Deadline;

use super::{
    Db, DbError,
    entity::{
        sessions, to_micros,
        users::{self, Column, Entity as Users, scheme_column, status_column},
    },
};
use crate::domain::{
    Email, EmailKey, HashedPassword, Instant, PasswordScheme, RegistrationId, SessionId, User,
    UserId, UserStatus,
};

/// A user to add.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Made by the caller, never used before.
    pub id: UserId,
    /// The address; its key is what must be free.
    pub email: Email,
    /// The hash of the password, which was over UTF-8 in NFC.
    pub hashed_password: HashedPassword,
    /// Of the registration.
    pub request_id: Option<RegistrationId>,
    /// When.
    pub now: Instant,
}

/// What came of adding a user.
#[derive(Debug, Clone)]
#[must_use]
pub enum AddedUser {
    /// The user is there.
    Added(User),
    /// The address or the registration id is another row's; nothing was changed.
    Taken,
}

/// The fields that a user can be found by; no other can be expressed.
#[derive(Debug, Clone, Copy)]
pub enum UserKey<'k> {
    /// The user's id.
    Id(UserId),
    /// The canonical address.
    Email(&'k EmailKey),
    /// The id of one of the user's sessions, live or ended.
    Session(SessionId),
}

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
    /// Adds a user. Whether the address is free is the database's to say, in the same statement.
    ///
    /// # Errors
    /// The database failed.
    pub async fn add_user(&self, user: NewUser, deadline: Deadline) -> Result<AddedUser, DbError> {
        let row = users::ActiveModel {
            id: Set(user.id.uuid()),
            email: Set(user.email.as_given().to_owned()),
            email_key: Set(user.email.key().as_str().to_owned()),
            hashed_password: Set(Some(user.hashed_password.as_str().to_owned())),
            password_scheme: Set(scheme_column(PasswordScheme::Nfc)),
            status: Set(status_column(UserStatus::Active)),
            session_epoch: Set(0),
            version: Set(1),
            request_id: Set(user.request_id.map(RegistrationId::uuid)),
            email_verified_at: Set(None),
            created_at: Set(to_micros(user.now)),
            updated_at: Set(to_micros(user.now)),
        };
        self.write(deadline, move |transaction| {
            let insert =
                Users::insert(row.clone()).on_conflict(OnConflict::new().do_nothing().to_owned());
            Box::pin(async move {
                let added = insert.exec_with_returning_many(transaction).await?;
                Ok(added
                    .into_iter()
                    .next()
                    .map_or(AddedUser::Taken, |row| AddedUser::Added(row.into())))
            })
        })
        .await
    }

    /// Finds a user by one field; `None` when there is none.
    ///
    /// # Errors
    /// The database failed.
    pub async fn find_user_by(
        &self,
        key: UserKey<'_>,
        deadline: Deadline,
    ) -> Result<Option<User>, DbError> {
        let query = match key {
            UserKey::Id(id) => Users::find_by_id(id.uuid()),
            UserKey::Email(key) => Users::find().filter(Column::EmailKey.eq(key.as_str())),
            UserKey::Session(id) => Users::find().filter(
                Column::Id.in_subquery(
                    sessions::Entity::find_by_id(id.uuid())
                        .select_only()
                        .column(sessions::Column::UserId)
                        .into_query(),
                ),
            ),
        };
        Ok(self
            .read(deadline, query.one(&self.inner.reader))
            .await?
            .map(User::from))
    }

    /// Changes a user and answers with the user as changed.
    ///
    /// # Errors
    /// There is no such user, the password was changed meanwhile, or the database failed.
    pub async fn update_user(
        &self,
        id: UserId,
        change: UserChange,
        now: Instant,
        deadline: Deadline,
    ) -> Result<User, UpdateUserError> {
        self.write(deadline, move |transaction| {
            Box::pin(update(transaction, id, change.clone(), now))
        })
        .await?
    }

    /// Forgets the registration ids of users who registered before an instant, some at a time.
    /// Returns how many.
    ///
    /// # Errors
    /// The database failed.
    pub async fn clear_registration_ids(
        &self,
        before: Instant,
        batch: u64,
        deadline: Deadline,
    ) -> Result<u64, DbError> {
        self.write(deadline, move |transaction| {
            let old = Users::find()
                .filter(Column::RequestId.is_not_null())
                .filter(Column::CreatedAt.lt(to_micros(before)))
                .limit(batch)
                .select_only()
                .column(Column::Id)
                .into_query();
            let clear = Users::update_many()
                .col_expr(Column::RequestId, Expr::value(None::<uuid::Uuid>))
                .filter(Column::Id.in_subquery(old));
            Box::pin(async move { Ok(clear.exec(transaction).await?.rows_affected) })
        })
        .await
    }
}

async fn update(
    transaction: &DatabaseTransaction,
    id: UserId,
    change: UserChange,
    now: Instant,
) -> Result<Result<User, UpdateUserError>, DbErr> {
    let statement = update_statement(id, change, now);
    if let Some(row) = statement
        .exec_with_returning(transaction)
        .await?
        .into_iter()
        .next()
    {
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
