//! Everything that is kept of a user, but for what proves them.

use uuid::Uuid;

use crate::{
    auth::{Auth, AuthError, CallContext},
    domain::{EventFilter, EventId, KeptEvent, Session, SessionId, User, UserId, UserKey},
};

/// What is kept of a user.
#[derive(Debug)]
pub struct UserExport {
    /// The user.
    pub user: User,
    /// Some of the rest, in the order of ids, which is that of time.
    pub kept: Vec<Kept>,
}

/// One thing that is kept of a user.
#[derive(Debug)]
pub enum Kept {
    /// A session, live or ended.
    Session(Session),
    /// An event.
    Event(KeptEvent),
}

impl Kept {
    /// Its id: no session has an event's.
    pub fn id(&self) -> Uuid {
        match self {
            Self::Session(session) => session.id.uuid(),
            Self::Event(event) => event.id.uuid(),
        }
    }
}

impl Auth {
    /// What is kept of a user, from what follows the id `after` on, so many at most: a user may have
    /// more than fits into an answer.
    ///
    /// # Errors
    /// There is no such user, the database is away or the deadline passed.
    pub async fn export_user(
        &self,
        call: &CallContext,
        id: UserId,
        after: Option<Uuid>,
        limit: u64,
    ) -> Result<UserExport, AuthError> {
        let user = self.users().find(call, &UserKey::Id(id)).await?;
        let (session, event) = (after.map(SessionId::new), after.map(EventId::new));
        let sessions = self
            .db
            .list_kept_sessions(id, session, limit, call.deadline);
        let sessions = sessions.await?.into_iter();
        let filter = EventFilter {
            user_id: Some(id),
            ..EventFilter::default()
        };
        let events = self.db.list_events(&filter, event, limit, call.deadline);
        let limits = self.settings.session_limits;
        let mut kept: Vec<_> = sessions
            .map(|session| Kept::Session(session.limited_to(limits)))
            .chain(events.await?.into_iter().map(Kept::Event))
            .collect();
        kept.sort_by_key(Kept::id);
        kept.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(UserExport { user, kept })
    }
}
