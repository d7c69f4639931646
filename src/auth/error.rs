//! Why a use case failed, in business words.

use std::time::Duration;

use thiserror::Error;

use crate::{db::DbError, hashing::HashingError};

/// Why a use case failed. Transports turn each meaning into their protocol's code in one table.
#[derive(Debug, Error)]
pub enum AuthError {
    /// Another user has the e-mail address.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// The registration id was used for something else.
    #[error("the request id was used for another registration")]
    RequestIdReused,
    /// Unknown user, wrong password or disabled user: nobody is told which.
    #[error("the credentials are wrong")]
    BadCredentials,
    /// The session that should prove the call is no proof.
    #[error("the session is no proof")]
    SessionInvalid,
    /// There is no such user.
    #[error("no such user")]
    UserNotFound,
    /// The user is disabled; told to named callers only.
    #[error("the user is disabled")]
    UserDisabled,
    /// The new password is the user's address or a part of it, which only the user's row tells.
    #[error("the new password is the address")]
    NewPasswordGuessable,
    /// The one-time token redeems nothing: malformed, unknown, expired, used or void.
    #[error("the token redeems nothing")]
    TokenInvalid,
    /// The user was changed since the etag was read.
    #[error("the user was changed meanwhile")]
    EtagMismatch,
    /// An instant that must have passed is in the future.
    #[error("the instant is in the future")]
    InTheFuture,
    /// More work than can be finished in time; nothing was done.
    #[error("overloaded")]
    Overloaded {
        /// When to try again.
        retry_after: Duration,
    },
    /// The database is away.
    #[error("the database is away")]
    Unavailable(#[source] DbError),
    /// The deadline passed; the work may have been done.
    #[error("the deadline passed")]
    DeadlineExceeded,
    /// A fault of our own.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<HashingError> for AuthError {
    fn from(error: HashingError) -> Self {
        match error {
            HashingError::Overloaded { retry_after } => Self::Overloaded { retry_after },
            HashingError::DeadlineExceeded => Self::DeadlineExceeded,
            HashingError::Failed => Self::Internal(error.into()),
        }
    }
}

/// How long a caller waits when the pool was full: by then a slot has come free or the database is
/// known to be away.
const POOL_RETRY: Duration = Duration::from_secs(1);

impl From<DbError> for AuthError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Busy => Self::Overloaded {
                retry_after: POOL_RETRY,
            },
            DbError::DeadlineExceeded => Self::DeadlineExceeded,
            DbError::Unavailable(_) => Self::Unavailable(error),
            DbError::Bug(_) => Self::Internal(error.into()),
        }
    }
}
