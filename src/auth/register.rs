//! Registration, and the recognition of its retries.

use chrono::TimeDelta;

use super::{Auth, AuthError, CallContext, entropy::random_bytes, throttle::Throttling};
use crate::{
    db::{AddedUser, NewUser},
    domain::{
        ClientInfo, Email, EventKind, NewPassword, RegistrationId, User, UserId, UserKey,
        UserStatus, uuid_v7,
    },
    hashing::Verification,
};

/// For this long a retry is recognised by its `request_id`.
pub(super) const RETRY_WINDOW: TimeDelta = TimeDelta::hours(24);

/// A user to register.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The address, which no other user may have.
    pub email: Email,
    /// The password to set.
    pub password: NewPassword,
    /// Sent again by the caller with each retry of the same submission.
    pub request_id: Option<RegistrationId>,
    /// The end user's client.
    pub client: ClientInfo,
}

impl Auth {
    /// Registers a user; no session is opened.
    ///
    /// # Errors
    /// The address is taken, the `request_id` was used for another registration, or the source
    /// registers too often.
    pub async fn register_user(
        &self,
        call: &CallContext,
        registration: Registration,
    ) -> Result<User, AuthError> {
        let spends = self.registration_spending(call, &registration.client);
        let spends = spends.await?;
        let now = self.clock.now();
        let (salt, flow) = (random_bytes()?, call.flow(&registration.client));
        let hashed_password = self
            .hasher
            .hash_password(registration.password.clone(), salt, flow, call.deadline)
            .await?;
        let user = NewUser {
            id: UserId::new(uuid_v7(now, random_bytes()?)),
            email: registration.email.clone(),
            hashed_password,
            request_id: registration.request_id,
            now,
            spends,
        };
        let event = call.event(&self.clock, EventKind::UserRegistered, Some(user.id), None)?;
        let event = event.with_client(registration.client.clone());
        match self.db.add_user(user, event, call.deadline).await? {
            AddedUser::Added(user) => {
                let client = registration.client;
                tracing::info!(
                    user_id = %user.id,
                    claimed_ip = client.ip.map(display),
                    claimed_user_agent = client.user_agent,
                    "user registered"
                );
                Ok(user)
            }
            AddedUser::Taken => self.answer_retry(call, registration).await,
            AddedUser::Kept => Err(AuthError::EmailTaken),
            AddedUser::TooOften(retry_after) => Err(AuthError::RateLimited { retry_after }),
        }
    }

    /// Decides whether a conflict is with an earlier try of the same registration, whose answer the
    /// caller never received: it had the same `request_id` within [`RETRY_WINDOW`] and the same
    /// password, which only the stored hash can confirm.
    async fn answer_retry(
        &self,
        call: &CallContext,
        retry: Registration,
    ) -> Result<User, AuthError> {
        let Some(request_id) = retry.request_id else {
            return Err(AuthError::EmailTaken);
        };
        let key = retry.email.key();
        let user_key = UserKey::Email(key.clone());
        let found = self.db.find_user_by(&user_key, call.deadline).await?;
        let Some(user) = found else {
            return Err(AuthError::RequestIdReused);
        };
        let is_recent = self.clock.now() - user.created_at < RETRY_WINDOW;
        if user.request_id != Some(request_id) || !is_recent || user.status == UserStatus::Disabled
        {
            return Err(AuthError::EmailTaken);
        }
        let attempt = self.begin_attempt(call, key, &retry.client, Throttling::Refuses);
        let (attempt, _) = attempt.await?;
        let (password, flow) = (retry.password.to_attempt(), call.flow(&retry.client));
        match self
            .hasher
            .verify(
                password.clone(),
                user.stored_password(),
                key,
                flow,
                call.deadline,
            )
            .await?
        {
            Verification::Match { .. } => {
                self.pass_attempt(call, &attempt).await?;
                Ok(user)
            }
            Verification::Mismatch => {
                self.fail_attempt(call, &attempt, &password, &retry.client)
                    .await?;
                Err(AuthError::RequestIdReused)
            }
        }
    }
}
