//! Registration, and its retries.

use chrono::TimeDelta;

use super::{Auth, AuthError, CallContext, entropy::random};
use crate::{
    db::{AddedUser, NewUser},
    domain::{
        ClientInfo, Email, EventKind, NewPassword, RegistrationId, User, UserId, UserKey,
        UserStatus, uuid_v7,
    },
    hashing::Verification,
};

/// How long a retry is known by its id.
pub(super) const RETRY_WINDOW: TimeDelta = TimeDelta::hours(24);

/// A user to register.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The address, which must be free.
    pub email: Email,
    /// The password to set.
    pub password: NewPassword,
    /// Kept by the caller over the retries of one submission.
    pub request_id: Option<RegistrationId>,
    /// The end user's client.
    pub client: ClientInfo,
}

impl Auth {
    /// Registers a user and opens no session.
    ///
    /// # Errors
    /// The address is taken, the registration id was used for something else, the hash queue is
    /// full, the database is away or the deadline passed.
    pub async fn register_user(
        &self,
        call: &CallContext,
        registration: Registration,
    ) -> Result<User, AuthError> {
        let now = self.clock.now();
        let salt = random()?;
        let hashed_password = self
            .hasher
            .hash_password(registration.password.clone(), salt, call.deadline)
            .await?;
        let user = NewUser {
            id: UserId::new(uuid_v7(now, random()?)),
            email: registration.email.clone(),
            hashed_password,
            request_id: registration.request_id,
            now,
        };
        let origin = call.origin(registration.client.clone());
        let event = self.event(EventKind::UserRegistered, user.id, None, origin)?;
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
            AddedUser::Taken => self.retried_registration(call, registration).await,
        }
    }

    /// A conflict may be the caller's own earlier try, of which it never heard: the same id within a
    /// day, and the same password, which nothing but the stored hash attests.
    async fn retried_registration(
        &self,
        call: &CallContext,
        retry: Registration,
    ) -> Result<User, AuthError> {
        let Some(request_id) = retry.request_id else {
            return Err(AuthError::EmailTaken);
        };
        let key = retry.email.key();
        let Some(user) = self
            .db
            .find_user_by(&UserKey::Email(key.clone()), call.deadline)
            .await?
        else {
            return Err(AuthError::RequestIdReused);
        };
        let is_recent = self.clock.now() - user.created_at < RETRY_WINDOW;
        if user.request_id != Some(request_id) || !is_recent || user.status == UserStatus::Disabled
        {
            return Err(AuthError::EmailTaken);
        }
        let attempt = retry.password.to_attempt();
        match self
            .hasher
            .verify(attempt, user.stored_password(), key, call.deadline)
            .await?
        {
            Verification::Match { .. } => Ok(user),
            Verification::Mismatch => Err(AuthError::RequestIdReused),
        }
    }
}
