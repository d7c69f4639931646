//! Users as named callers and operators act on them: without a proof of the user's.

mod export;
mod sessions;

use std::time::Duration;

use tokio::time::Instant;

use super::{
    AuthError, CallContext, Import, events::new_event, guessable::parse_stored_address, throttle,
};
use crate::{
    db::{Db, EpochRaise, UpdateUserError},
    domain::{
        CallerName, Clock, EventFilter, EventId, EventKind, StoredEvent, User, UserEdit,
        UserFilter, UserId, UserKey, UserStatus,
    },
};

pub use export::{ExportedItem, UserExport};
pub use sessions::{SessionToOpen, SessionsToEnd, Unverified};

/// The most users that one transaction of `end_all_sessions` changes: few enough that no writer
/// waits long behind it.
const BATCH: u64 = 500;
/// How long one such transaction may take.
const BATCH_LIMIT: Duration = Duration::from_secs(30);

/// The users of a database.
///
/// Operators' commands have `Users<()>`, which needs the database alone. A server has
/// `Users<Issuer>`, which can also issue sessions and tokens: that takes settings of the server.
#[derive(Clone)]
pub struct Users<I = ()> {
    db: Db,
    clock: Clock,
    issuer: I,
}

impl Users {
    /// Users without what issues sessions and tokens.
    pub fn new(db: Db, clock: Clock) -> Self {
        Self {
            db,
            clock,
            issuer: (),
        }
    }
}

impl<I> Users<I> {
    pub(super) fn with_issuer(db: Db, clock: Clock, issuer: I) -> Self {
        Self { db, clock, issuer }
    }

    /// Finds a user.
    ///
    /// # Errors
    /// There is no such user.
    pub async fn find(&self, call: &CallContext, key: &UserKey) -> Result<User, AuthError> {
        let found = self.db.find_user_by(key, call.deadline).await?;
        found.ok_or(AuthError::UserNotFound)
    }

    /// At most `limit` users in the order of their ids, those with ids after `after`.
    pub async fn list(
        &self,
        call: &CallContext,
        filter: &UserFilter,
        after: Option<UserId>,
        limit: u64,
    ) -> Result<Vec<User>, AuthError> {
        let users = self.db.list_users(filter, after, limit, call.deadline);
        Ok(users.await?)
    }

    /// At most `limit` events in the order of their ids, those with ids after `after`.
    pub async fn list_events(
        &self,
        call: &CallContext,
        filter: &EventFilter,
        after: Option<EventId>,
        limit: u64,
    ) -> Result<Vec<StoredEvent>, AuthError> {
        let events = self.db.list_events(filter, after, limit, call.deadline);
        Ok(events.await?)
    }

    /// Begins an import. With `validate_only` it writes nothing and reports what it would write.
    pub fn import(&self, caller: Option<CallerName>, validate_only: bool) -> Import {
        Import::new(self.db.clone(), self.clock.clone(), caller, validate_only)
    }

    /// Writes fields of a user. Another address ends all sessions and one-time tokens.
    ///
    /// # Errors
    /// There is no such user, the user was changed since the etag was read, or the address is
    /// taken.
    pub async fn update(
        &self,
        call: &CallContext,
        id: UserId,
        edit: UserEdit,
    ) -> Result<User, AuthError> {
        let event = call.event(&self.clock, EventKind::EmailChanged, Some(id), None)?;
        let edited = self.db.update_user(id, edit, event, call.deadline).await;
        let user = edited.map_err(|error| match error {
            UpdateUserError::UnknownUser => AuthError::UserNotFound,
            UpdateUserError::EtagMismatch => AuthError::EtagMismatch,
            UpdateUserError::EmailTaken => AuthError::EmailTaken,
            UpdateUserError::Db(error) => error.into(),
        })?;
        tracing::info!(user_id = %id, "user updated");
        Ok(user)
    }

    /// Disables or enables a user. Disabling ends all sessions and one-time tokens; enabling
    /// restores none. A user who has the status already is not changed.
    ///
    /// # Errors
    /// There is no such user.
    pub async fn set_status(
        &self,
        call: &CallContext,
        id: UserId,
        status: UserStatus,
    ) -> Result<User, AuthError> {
        let user = self.find(call, &UserKey::Id(id)).await?;
        if user.status == status {
            return Ok(user);
        }
        let (kind, done) = match status {
            UserStatus::Active => (EventKind::UserEnabled, "user enabled"),
            UserStatus::Disabled => (EventKind::UserDisabled, "user disabled"),
        };
        let event = call.event(&self.clock, kind, Some(id), None)?;
        let changed = self.db.set_status(id, status, event, call.deadline);
        let user = changed.await?.ok_or(AuthError::UserNotFound)?;
        tracing::info!(user_id = %id, "{done}");
        Ok(user)
    }

    /// Forgets the failures of a user's account, so that the user may try again at once.
    ///
    /// # Errors
    /// There is no such user.
    pub async fn clear_throttle(&self, call: &CallContext, key: &UserKey) -> Result<(), AuthError> {
        let user = self.find(call, key).await?;
        let event = call.event(&self.clock, EventKind::ThrottleCleared, Some(user.id), None)?;
        let server_key = throttle::server_key(&self.db, call.deadline).await?;
        let account = throttle::account_key(&server_key, parse_stored_address(&user)?.key());
        self.db
            .clear_throttle(account, event, call.deadline)
            .await?;
        tracing::info!(user_id = %user.id, "throttle cleared");
        Ok(())
    }

    /// Erases a user with all their data, except the events, which keep the bare id.
    ///
    /// # Errors
    /// There is no such user.
    pub async fn delete(&self, call: &CallContext, id: UserId) -> Result<(), AuthError> {
        let event = call.event(&self.clock, EventKind::UserDeleted, Some(id), None)?;
        if !self.db.erase_user(id, None, event, call.deadline).await? {
            return Err(AuthError::UserNotFound);
        }
        tracing::info!(user_id = %id, "user erased");
        Ok(())
    }

    /// Ends all sessions and requests of all users, a batch of users at a time. Returns the number of
    /// users.
    ///
    /// # Errors
    /// The database is not available; the sessions that were ended stay so.
    pub async fn end_all_sessions(&self) -> Result<usize, AuthError> {
        self.end_all(EpochRaise::ByOne).await
    }

    /// Does the same to a database that was restored from a backup.
    ///
    /// # Errors
    /// The database is not available; the sessions that were ended stay so.
    pub async fn end_all_restored(&self) -> Result<usize, AuthError> {
        self.end_all(EpochRaise::AfterRestore).await
    }

    async fn end_all(&self, raise: EpochRaise) -> Result<usize, AuthError> {
        let (mut after, mut users) = (None, 0);
        let event = new_event(&self.clock, EventKind::SessionsRevoked, None, None, None)?;
        loop {
            let deadline = Instant::now() + BATCH_LIMIT;
            let page = (after, BATCH);
            let batch = self
                .db
                .end_sessions_of_users(page, raise, event.clone(), deadline);
            match batch.await? {
                Some((last, count)) => {
                    after = Some(last);
                    users += count;
                }
                None => return Ok(users),
            }
        }
    }
}
