//! Users as named callers and operators act on them: by name, without any proof of the user's.

mod export;
mod sessions;

use std::time::Duration;

use tokio::time::Instant;

use super::{AuthError, CallContext, events::event};
use crate::{
    db::{Db, EditUserError, UpdateUserError, UserChange},
    domain::{
        ClientInfo, Clock, Event, EventKind, Origin, User, UserEdit, UserFilter, UserId, UserKey,
        UserStatus,
    },
};

pub use export::{Kept, UserExport};
pub use sessions::{EndedSessions, NewPasswordReset};

/// How many users one transaction of many touches: few enough that no writer waits long behind it.
const BATCH: u64 = 500;
/// How long one such transaction may take.
const BATCH_LIMIT: Duration = Duration::from_secs(30);

/// The users of a database. They need no hashing and no mail, so the command line has them alone.
#[derive(Clone)]
pub struct Users {
    db: Db,
    clock: Clock,
}

impl Users {
    /// The users that a database knows.
    pub fn new(db: Db, clock: Clock) -> Self {
        Self { db, clock }
    }

    /// Finds one user.
    ///
    /// # Errors
    /// There is no such user, the database is away or the deadline passed.
    pub async fn find(&self, call: &CallContext, key: &UserKey) -> Result<User, AuthError> {
        let found = self.db.find_user_by(key, call.deadline).await?;
        found.ok_or(AuthError::UserNotFound)
    }

    /// Some users in the order of their ids, from the one after `after` on.
    ///
    /// # Errors
    /// The database is away or the deadline passed.
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

    /// Writes fields of a user. Another address ends all sessions and one-time tokens.
    ///
    /// # Errors
    /// There is no such user, the etag is another's, the address is taken, the database is away or
    /// the deadline passed.
    pub async fn update(
        &self,
        call: &CallContext,
        id: UserId,
        edit: UserEdit,
    ) -> Result<User, AuthError> {
        let event = self.event(call, EventKind::EmailChanged, id)?;
        let edited = self.db.edit_user(id, edit, event, call.deadline).await;
        let user = edited.map_err(|error| match error {
            EditUserError::UnknownUser => AuthError::UserNotFound,
            EditUserError::EtagMismatch => AuthError::EtagMismatch,
            EditUserError::EmailTaken => AuthError::EmailTaken,
            EditUserError::Db(error) => error.into(),
        })?;
        tracing::info!(user_id = %id, "user updated");
        Ok(user)
    }

    /// Disables or enables a user. Disabling ends all sessions and one-time tokens, and enabling
    /// restores none; what is so already is left alone.
    ///
    /// # Errors
    /// There is no such user, the database is away or the deadline passed.
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
        let event = self.event(call, kind, id)?;
        let user = self
            .change(call, id, UserChange::Status(status), event)
            .await?;
        tracing::info!(user_id = %id, "{done}");
        Ok(user)
    }

    /// Erases a user with everything that is theirs.
    ///
    /// # Errors
    /// There is no such user, the database is away or the deadline passed.
    pub async fn delete(&self, call: &CallContext, id: UserId) -> Result<(), AuthError> {
        let event = self.event(call, EventKind::UserDeleted, id)?;
        if !self.db.erase_user(id, None, event, call.deadline).await? {
            return Err(AuthError::UserNotFound);
        }
        tracing::info!(user_id = %id, "user erased");
        Ok(())
    }

    /// Ends all sessions of all users, some users at a time, and answers how many users there were.
    /// Logins that are under way are refused by it too.
    ///
    /// # Errors
    /// The database is away; what was ended stays so.
    pub async fn end_all_sessions(&self) -> Result<usize, AuthError> {
        let (mut after, mut users) = (None, 0);
        let kind = EventKind::SessionsRevoked;
        let event = event(&self.clock, kind, None, Origin::default())?;
        loop {
            let limit = Instant::now() + BATCH_LIMIT;
            let batch = self
                .db
                .end_sessions_of_users(after, BATCH, event.clone(), limit);
            match batch.await? {
                Some((last, count)) => {
                    after = Some(last);
                    users += count;
                }
                None => return Ok(users),
            }
        }
    }

    fn event(&self, call: &CallContext, kind: EventKind, id: UserId) -> Result<Event, AuthError> {
        event(
            &self.clock,
            kind,
            Some(id),
            call.origin(ClientInfo::default()),
        )
    }

    async fn change(
        &self,
        call: &CallContext,
        id: UserId,
        change: UserChange,
        event: Event,
    ) -> Result<User, AuthError> {
        let changed = self
            .db
            .update_user(id, change, event.at, Some(event), call.deadline);
        changed.await.map_err(|error| match error {
            UpdateUserError::Db(error) => error.into(),
            UpdateUserError::UnknownUser
            | UpdateUserError::PasswordChanged
            | UpdateUserError::EmailTaken => AuthError::UserNotFound,
        })
    }
}
