//! Changes of a user: the seed's `update_user`.

use sea_orm::{
    ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, QueryFilter, UpdateMany,
    sea_query::{Alias, Expr, Query},
};
use thiserror::Error;
use tokio::time::Instant;

use super::{
    erase::{ProvenUser, has_password, lives},
    kept::{KeptSessions, keep, keep_some},
};
use crate::db::{
    Db, DbError,
    entity::{
        to_micros,
        users::{Column, Entity as Users, scheme_column, status_column},
    },
    events::record,
    mail::void_mail_to,
    tokens::redemption::void_tokens,
};
use crate::domain::{
    Email, Event, HashedPassword, PasswordScheme, SessionId, Timestamp, TokenPurpose, User, UserId,
    UserStatus,
};

/// A change of one user. Each raises `version` and `updated_at`, but for the rehash, which nobody
/// can see. Those that change what a one-time token was issued for end the outstanding ones.
#[derive(Debug, Clone)]
pub enum UserChange {
    /// A new password; ends all sessions and tokens. Refused when the stored hash is not the verified
    /// one.
    Password {
        /// The hash that the current password was verified against.
        verified: Option<HashedPassword>,
        /// The hash of the new one.
        hashed: HashedPassword,
        /// The session that asks, which lives on. Refused when it has ended.
        kept: Option<SessionId>,
    },
    /// A new password by a one-time token; ends all sessions and tokens.
    PasswordReset {
        /// The hash of the new one.
        hashed: HashedPassword,
        /// Whether the token came by mail.
        proves_address: bool,
    },
    /// The user's mailbox is proven; ends the tokens that prove it.
    EmailVerified,
    /// Another address; ends all sessions and tokens. Refused when another user has it.
    Email {
        /// The new one.
        new: Email,
        /// Whether its mailbox is proven.
        proven: bool,
    },
    /// The same password at another cost. Refused when the stored hash is not the verified one.
    Rehash {
        /// The hash that the password was verified against.
        verified: HashedPassword,
        /// The new hash.
        hashed: HashedPassword,
    },
    /// May or may not log in; disabling ends all sessions and tokens and enabling restores none.
    Status(UserStatus),
    /// Ends all sessions.
    EndSessions,
    /// Ends all sessions but the one that asks. Refused when that has ended.
    EndOtherSessions {
        /// The session that asks.
        kept: SessionId,
    },
    /// Ends all sessions but some.
    EndSessionsBut(KeptSessions),
}

/// Why a user was not changed.
#[derive(Debug, Error)]
pub enum UpdateUserError {
    /// There is no user with this id.
    #[error("no such user")]
    UnknownUser,
    /// The password was changed since it was verified, or the session that asked has ended.
    #[error("the password was changed meanwhile")]
    PasswordChanged,
    /// Another user has the address.
    #[error("the address is taken")]
    EmailTaken,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Db {
    /// Changes a user and answers with the user as changed. A rehash is no event.
    ///
    /// # Errors
    /// There is no such user, the change is refused, or the database failed.
    pub async fn update_user(
        &self,
        id: UserId,
        change: UserChange,
        now: Timestamp,
        event: Option<Event>,
        deadline: Instant,
    ) -> Result<User, UpdateUserError> {
        self.write(deadline, move |transaction| {
            Box::pin(update(transaction, id, change.clone(), now, event.clone()))
        })
        .await?
    }
}

pub(in crate::db) async fn update(
    transaction: &DatabaseTransaction,
    id: UserId,
    change: UserChange,
    now: Timestamp,
    event: Option<Event>,
) -> Result<Result<User, UpdateUserError>, DbErr> {
    let former = if let UserChange::Email { .. } = change {
        Users::find_by_id(id.uuid()).one(transaction).await?
    } else {
        None
    };
    let statement = update_statement(id, change.clone(), now);
    let updated = statement.exec_with_returning(transaction).await?;
    let Some(row) = updated.into_iter().next() else {
        return Ok(Err(refusal(transaction, id, &change).await?));
    };
    let user = User::from(row);
    follow(transaction, &user, &change, now).await?;
    if let Some(former) = former {
        void_mail_to(transaction, &former.email_key).await?;
    }
    if let Some(event) = event {
        record(transaction, &event).await?;
    }
    Ok(Ok(user))
}

async fn refusal(
    transaction: &DatabaseTransaction,
    id: UserId,
    change: &UserChange,
) -> Result<UpdateUserError, DbErr> {
    let user = Users::find_by_id(id.uuid()).one(transaction).await?;
    if user.is_none() {
        return Ok(UpdateUserError::UnknownUser);
    }
    Ok(match change {
        UserChange::Password { .. }
        | UserChange::Rehash { .. }
        | UserChange::EndOtherSessions { .. } => UpdateUserError::PasswordChanged,
        UserChange::Email { .. } => UpdateUserError::EmailTaken,
        // Conditional on nothing but the user, who was not there a moment ago.
        UserChange::PasswordReset { .. }
        | UserChange::EmailVerified
        | UserChange::Status(_)
        | UserChange::EndSessions
        | UserChange::EndSessionsBut(_) => UpdateUserError::UnknownUser,
    })
}

/// What a change does beyond the user's row.
async fn follow(
    transaction: &DatabaseTransaction,
    user: &User,
    change: &UserChange,
    now: Timestamp,
) -> Result<(), DbErr> {
    let ended = match change {
        UserChange::Password { kept, .. } => {
            if let Some(session) = kept {
                keep(transaction, *session, user.session_epoch, true).await?;
            }
            None
        }
        UserChange::EndOtherSessions { kept } => {
            return keep(transaction, *kept, user.session_epoch, false).await;
        }
        UserChange::PasswordReset { .. }
        | UserChange::Email { .. }
        | UserChange::Status(UserStatus::Disabled) => None,
        UserChange::EmailVerified => Some(TokenPurpose::EmailVerification),
        UserChange::EndSessionsBut(kept) => return keep_some(transaction, user, *kept).await,
        UserChange::Rehash { .. }
        | UserChange::Status(UserStatus::Active)
        | UserChange::EndSessions => return Ok(()),
    };
    void_tokens(transaction, user.id, ended, now).await
}

fn update_statement(id: UserId, change: UserChange, now: Timestamp) -> UpdateMany<Users> {
    let statement = Users::update_many().filter(Column::Id.eq(id.uuid()));
    match change {
        UserChange::Rehash { verified, hashed } => {
            with_password(statement.filter(has_password(Some(verified))), &hashed)
        }
        UserChange::Password {
            verified,
            hashed,
            kept,
        } => {
            let held = match kept {
                Some(session) => statement.filter(ProvenUser { session, verified }.holds()),
                None => statement.filter(has_password(verified)),
            };
            visible(ending_sessions(with_password(held, &hashed)), now)
        }
        UserChange::PasswordReset {
            hashed,
            proves_address,
        } => {
            let statement = visible(ending_sessions(with_password(statement, &hashed)), now);
            if proves_address {
                verified_at(statement, Some(now))
            } else {
                statement
            }
        }
        UserChange::EmailVerified => visible(verified_at(statement, Some(now)), now),
        UserChange::Email { new, proven } => {
            let at = proven.then_some(now);
            let statement = verified_at(with_email(statement, id, &new), at);
            visible(ending_sessions(statement), now)
        }
        UserChange::Status(status) => {
            let statement = statement.col_expr(Column::Status, Expr::value(status_column(status)));
            match status {
                UserStatus::Active => visible(statement, now),
                UserStatus::Disabled => visible(ending_sessions(statement), now),
            }
        }
        UserChange::EndSessions | UserChange::EndSessionsBut(_) => {
            visible(ending_sessions(statement), now)
        }
        UserChange::EndOtherSessions { kept } => {
            visible(ending_sessions(statement.filter(lives(kept))), now)
        }
    }
}

pub(super) fn ending_sessions(statement: UpdateMany<Users>) -> UpdateMany<Users> {
    statement.col_expr(Column::SessionEpoch, Expr::col(Column::SessionEpoch).add(1))
}

pub(super) fn visible(statement: UpdateMany<Users>, now: Timestamp) -> UpdateMany<Users> {
    statement
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .col_expr(Column::UpdatedAt, Expr::value(to_micros(now)))
}

pub(super) fn verified_at(
    statement: UpdateMany<Users>,
    at: Option<Timestamp>,
) -> UpdateMany<Users> {
    statement.col_expr(Column::EmailVerifiedAt, Expr::value(at.map(to_micros)))
}

/// Looking for another user with the address spares the failure where nobody is faster; where
/// somebody is, the unique key refuses, and the transaction that is done again sees them.
fn with_email(statement: UpdateMany<Users>, id: UserId, new: &Email) -> UpdateMany<Users> {
    let taken = Query::select()
        .expr(Expr::value(1))
        .from_as(Users, Alias::new("others"))
        .and_where(Expr::col((Alias::new("others"), Column::EmailKey)).eq(new.key().as_str()))
        .and_where(Expr::col((Alias::new("others"), Column::Id)).ne(id.uuid()))
        .to_owned();
    statement
        .filter(Expr::exists(taken).not())
        .col_expr(Column::Email, Expr::value(new.as_given()))
        .col_expr(Column::EmailKey, Expr::value(new.key().as_str()))
}

fn with_password(statement: UpdateMany<Users>, hashed: &HashedPassword) -> UpdateMany<Users> {
    statement
        .col_expr(Column::HashedPassword, Expr::value(hashed.as_str()))
        .col_expr(
            Column::PasswordScheme,
            Expr::value(scheme_column(PasswordScheme::Nfc)),
        )
}
