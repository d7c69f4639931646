//! Logins: whether a password is right. An unknown user, a wrong password and a disabled user cost
//! one verification each, through the same queue, and answer the same.

use std::time::Duration;

use tokio::time::Instant as Deadline;

use super::{Auth, AuthError, CallContext, entropy::random};
use crate::{
    db::{UpdateUserError, UserChange, UserKey},
    domain::{ClientInfo, Email, PasswordAttempt, User, UserId, UserStatus},
    hashing::{Verification, VerifiedPassword},
};

/// How long the write of a rehash may take; nobody waits for it.
const REHASH_LIMIT: Duration = Duration::from_secs(10);

/// What somebody presents to log in.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The address.
    pub email: Email,
    /// The password.
    pub password: PasswordAttempt,
    /// The end user's client.
    pub client: ClientInfo,
}

/// Whether credentials are right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum LoginVerdict {
    /// They are this user's, who may log in.
    Valid(UserId),
    /// Unknown user, wrong password or disabled user: which of them is not told.
    Invalid,
}

impl Auth {
    /// Checks credentials and creates nothing.
    ///
    /// # Errors
    /// The hash queue is full, the database is away or the deadline passed. Wrong credentials are
    /// no error, and an error says nothing of the credentials.
    pub async fn valid_login(
        &self,
        call: &CallContext,
        credentials: Credentials,
    ) -> Result<LoginVerdict, AuthError> {
        let user = self.verify(call, &credentials).await?;
        Ok(user.map_or(LoginVerdict::Invalid, |user| LoginVerdict::Valid(user.id)))
    }

    /// The user whose credentials these are, as read before the verification; `None` when they are
    /// nobody's who may log in.
    pub(super) async fn verify(
        &self,
        call: &CallContext,
        credentials: &Credentials,
    ) -> Result<Option<User>, AuthError> {
        let key = credentials.email.key();
        let user = self
            .db
            .find_user_by(UserKey::Email(key), call.deadline)
            .await?;
        let stored = user.as_ref().and_then(|user| user.hashed_password.clone());
        let verification = self
            .hasher
            .verify(credentials.password.clone(), stored, key, call.deadline)
            .await?;
        let (Some(user), Verification::Match { stale }) = (user, verification) else {
            return Ok(None);
        };
        if user.status == UserStatus::Disabled {
            return Ok(None);
        }
        if let Some(password) = stale {
            self.rehash_later(&user, password)?;
        }
        Ok(Some(user))
    }

    /// Stores a right password at the current cost, when nothing else is to be hashed. A login never
    /// waits for it nor fails because of it; the next login tries again.
    fn rehash_later(&self, user: &User, password: VerifiedPassword) -> Result<(), AuthError> {
        let Some(verified) = user.hashed_password.clone() else {
            return Ok(());
        };
        let (auth, id, salt) = (self.clone(), user.id, random()?);
        self.background.spawn(async move {
            let Some(hashed) = auth.hasher.rehash(password, salt).await else {
                return;
            };
            let change = UserChange::Rehash { verified, hashed };
            let deadline = Deadline::now() + REHASH_LIMIT;
            match auth
                .db
                .update_user(id, change, auth.clock.now(), deadline)
                .await
            {
                Ok(_) => tracing::debug!(user_id = %id, "password rehashed"),
                // Changed, rehashed or deleted by another login: nothing is lost.
                Err(UpdateUserError::PasswordChanged | UpdateUserError::UnknownUser) => {}
                Err(UpdateUserError::Db(error)) => {
                    tracing::warn!(user_id = %id, %error, "rehash not stored");
                }
            }
        });
        Ok(())
    }
}
