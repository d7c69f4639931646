//! Logins: whether a password is right. An unknown user, a wrong password and a disabled user cost
//! one verification each, through the same queue, and get the same answer.

use std::time::Duration;

use tokio::time::Instant;
use tracing::{Instrument, Span, error_span};

use super::{Auth, AuthError, CallContext, entropy::random_bytes, throttle::Throttling};
use crate::{
    domain::{ClientInfo, Email, EventKind, PasswordAttempt, User, UserId, UserStatus},
    hashing::{Verification, VerifiedPassword},
    telemetry::chain,
};

/// How long the write of a rehash may take; no call waits for it.
const REHASH_LIMIT: Duration = Duration::from_secs(10);

/// What an end user presents to log in.
#[derive(Debug, Clone)]
pub struct Credentials {
    pub email: Email,
    pub password: PasswordAttempt,
    /// The end user's client.
    pub client: ClientInfo,
}

/// Whether credentials are right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum LoginVerdict {
    /// They are those of this user, who may log in.
    Valid(UserId),
    /// Unknown user, wrong password or disabled user; the caller does not learn which.
    Invalid,
}

/// A user whose password was just found right, as read before the verification.
pub(super) struct VerifiedUser {
    pub(super) user: User,
    /// The password, where its stored hash is not what a new hash would be.
    stale: Option<VerifiedPassword>,
}

impl Auth {
    /// Checks credentials and creates nothing.
    ///
    /// # Errors
    /// Wrong credentials are a verdict and not an error, and no error depends on the credentials.
    pub async fn valid_login(
        &self,
        call: &CallContext,
        credentials: Credentials,
    ) -> Result<LoginVerdict, AuthError> {
        let Some(verified) = self.verify_credentials(call, &credentials).await? else {
            return Ok(LoginVerdict::Invalid);
        };
        let id = verified.user.id;
        let client = &credentials.client;
        self.note_outcome(call, EventKind::LoginSucceeded, Some(id), client)?;
        self.rehash_later(verified);
        Ok(LoginVerdict::Valid(id))
    }

    /// The user whose credentials these are. `None`: they are wrong or the user is disabled, which
    /// is noted as a failed login.
    pub(super) async fn verify_credentials(
        &self,
        call: &CallContext,
        credentials: &Credentials,
    ) -> Result<Option<VerifiedUser>, AuthError> {
        let (key, client) = (credentials.email.key(), &credentials.client);
        let flow = call.flow(client);
        self.hasher.would_verify(&flow, call.deadline)?;
        let attempt = self.begin_attempt(call, key, client, Throttling::Refuses);
        let (attempt, user) = attempt.await?;
        let user_id = user.as_ref().map(|user| user.id);
        let stored = user.as_ref().and_then(User::stored_password);
        // An unreadable hash is logged within this span: the operator must know whose it is.
        let span = user
            .as_ref()
            .map_or_else(Span::none, |user| error_span!("user", user_id = %user.id));
        let verification = self
            .hasher
            .verify(
                credentials.password.clone(),
                stored,
                key,
                flow,
                call.deadline,
            )
            .instrument(span)
            .await?;
        match (user, verification) {
            (Some(user), Verification::Match { stale }) if user.status == UserStatus::Active => {
                self.pass_attempt(call, &attempt).await?;
                Ok(Some(VerifiedUser { user, stale }))
            }
            (_, Verification::Match { .. } | Verification::Mismatch) => {
                let tried = &credentials.password;
                self.fail_attempt(call, &attempt, tried, client).await?;
                self.note_outcome(call, EventKind::LoginFailed, user_id, client)?;
                Ok(None)
            }
        }
    }

    /// Hashes a right password again, at the current cost and over its NFC, when the hash queue is
    /// idle. The login neither waits for it nor fails with it; the next login tries again.
    pub(super) fn rehash_later(&self, verified: VerifiedUser) {
        let (Some(password), Some(stored)) = (verified.stale, verified.user.hashed_password) else {
            return;
        };
        let (auth, id) = (self.clone(), verified.user.id);
        let rehash = async move {
            let Ok(salt) = random_bytes() else {
                return;
            };
            let Some(hashed) = auth.hasher.rehash(password, salt).await else {
                return;
            };
            let deadline = Instant::now() + REHASH_LIMIT;
            match auth.db.rehash_password(id, stored, hashed, deadline).await {
                Ok(true) => tracing::debug!(user_id = %id, "password rehashed"),
                // Changed, rehashed or deleted meanwhile: nothing is lost.
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(user_id = %id, cause = chain(&error), "rehash not stored");
                }
            }
        };
        self.background.spawn(rehash.in_current_span());
    }
}
