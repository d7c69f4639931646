//! Everything that is kept of a user, but for what proves them.

use super::UserName;
use crate::{
    auth::{Auth, AuthError, CallContext},
    domain::{EventFilter, EventId, KeptEvent, Session, User, UserId},
};

/// What is kept of a user.
#[derive(Debug)]
pub struct UserExport {
    /// The user.
    pub user: User,
    /// Every session that is kept; with the first events alone.
    pub sessions: Vec<Session>,
    /// Some of the events, the oldest first.
    pub events: Vec<KeptEvent>,
}

impl Auth {
    /// What is kept of a user, with the events after `after`.
    ///
    /// # Errors
    /// There is no such user, the database is away or the deadline passed.
    pub async fn export_user(
        &self,
        call: &CallContext,
        id: UserId,
        after: Option<EventId>,
        limit: u64,
    ) -> Result<UserExport, AuthError> {
        let user = self.users().find(call, &UserName::Id(id)).await?;
        let sessions = if after.is_none() {
            self.db.list_kept_sessions(id, call.deadline).await?
        } else {
            Vec::new()
        };
        let limits = self.settings.session_limits;
        let limited = sessions
            .into_iter()
            .map(|session| session.limited_to(limits));
        let filter = EventFilter {
            user_id: Some(id),
            ..EventFilter::default()
        };
        let events = self.db.list_events(&filter, after, limit, call.deadline);
        Ok(UserExport {
            user,
            sessions: limited.collect(),
            events: events.await?,
        })
    }
}
