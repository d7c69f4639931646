//! Why a use case failed, in business words. `transport/error_table.rs` says who reads an error and
//! what each reader gets.

use std::time::Duration;

use thiserror::Error;

use crate::{db::DbError, hashing::HashingError};

/// Why a use case failed. A transport gives each variant its code, reason and text; sources are for
/// the log alone.
#[derive(Debug, Error)]
pub enum AuthError {
    /// Another user has the e-mail address.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// The registration id was used for something else.
    #[error("the request id was used for another registration")]
    RequestIdReused,
    /// Unknown user, wrong password or disabled user; which of them is not revealed.
    #[error("the credentials are wrong")]
    BadCredentials,
    /// The session is live; the password sent with it is not its user's.
    #[error("the current password is wrong")]
    CurrentPasswordWrong,
    /// The session token is malformed, unknown, expired or revoked, or its user is disabled.
    #[error("the session is not valid")]
    SessionInvalid,
    /// There is no such user, or the session may not see this user.
    #[error("no such user")]
    UserNotFound,
    /// The user is disabled; revealed to named callers only.
    #[error("the user is disabled")]
    UserDisabled,
    /// The new password is the user's address or a part of it, which only the user's row shows.
    #[error("the new password is the address")]
    NewPasswordGuessable,
    /// The one-time token redeems nothing: malformed, unknown, expired, used or void.
    #[error("the token redeems nothing")]
    TokenInvalid,
    /// The one-time token is good, and a proof of the account was not sent with it.
    #[error("a proof of the account is needed")]
    ProofRequired,
    /// The user's address was never verified; revealed to named callers only.
    #[error("the address is not verified")]
    EmailNotVerified,
    /// The session is live, and its user proved who they are too long ago.
    #[error("the user must prove the password again")]
    ReauthenticationRequired,
    /// The same was done a short time ago.
    #[error("too often")]
    RateLimited {
        /// When it is possible again.
        retry_after: Duration,
    },
    /// Too many secrets of the account, or from the source, were wrong; none was checked.
    #[error("too many tries")]
    LoginThrottled {
        /// When one may be checked again.
        retry_after: Duration,
    },
    /// The user was changed since the etag was read.
    #[error("the user was changed meanwhile")]
    EtagMismatch,
    /// A timestamp that must have passed is in the future.
    #[error("the timestamp is in the future")]
    InTheFuture,
    /// No caller is proven where a named caller is needed, or a proof of a caller failed.
    #[error("the caller is not proven")]
    CallerUnauthenticated(ProofFault),
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

/// Why no caller is proven. The log distinguishes these faults; an answer does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofFault {
    /// Neither a key nor a certificate was sent.
    NoProof,
    /// A key was sent that has not the form of a key, or was sent twice.
    MalformedKey,
    /// No caller has a key with this id.
    UnknownKey,
    /// The id is a key's, the secret is not.
    WrongSecret,
    /// The key was rotated and its overlap is over.
    ExpiredKey,
    /// The certificate names nobody, or several.
    UnusableCertificate,
    /// No caller has the identity that the certificate names.
    UnknownCertificate,
    /// The proofs name different callers.
    DifferentCallers,
}

impl ProofFault {
    /// As logs spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoProof => "no_proof",
            Self::MalformedKey => "malformed_key",
            Self::UnknownKey => "unknown_key",
            Self::WrongSecret => "wrong_secret",
            Self::ExpiredKey => "expired_key",
            Self::UnusableCertificate => "unusable_certificate",
            Self::UnknownCertificate => "unknown_certificate",
            Self::DifferentCallers => "different_callers",
        }
    }
}

impl From<ProofFault> for AuthError {
    fn from(fault: ProofFault) -> Self {
        Self::CallerUnauthenticated(fault)
    }
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
            DbError::Missing(_) | DbError::Unavailable(_) => Self::Unavailable(error),
            DbError::Bug(_) => Self::Internal(error.into()),
        }
    }
}
