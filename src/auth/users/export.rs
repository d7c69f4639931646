//! The export of a user's data: all that is stored about the user, without what proves them.

use uuid::Uuid;

use super::Users;
use crate::{
    auth::{AuthError, CallContext, Issuer},
    domain::{EventFilter, EventId, Session, SessionId, StoredEvent, User, UserId, UserKey},
};

/// A user, and a page of what is stored about them.
#[derive(Debug)]
pub struct UserExport {
    pub user: User,
    /// In the order of ids, which is that of time.
    pub items: Vec<ExportedItem>,
}

/// Something that is stored about a user.
#[derive(Debug)]
pub enum ExportedItem {
    /// A session, live or ended.
    Session(Session),
    Event(StoredEvent),
}

impl ExportedItem {
    /// The id. Ids are unique over sessions and events.
    pub fn id(&self) -> Uuid {
        match self {
            Self::Session(session) => session.id.uuid(),
            Self::Event(event) => event.id.uuid(),
        }
    }
}

impl Users<Issuer> {
    /// A user, and at most `limit` of their sessions and events, those with ids after `after`.
    ///
    /// # Errors
    /// There is no such user.
    pub async fn export(
        &self,
        call: &CallContext,
        id: UserId,
        after: Option<Uuid>,
        limit: u64,
    ) -> Result<UserExport, AuthError> {
        let user = self.find(call, &UserKey::Id(id)).await?;
        let (session, event) = (after.map(SessionId::new), after.map(EventId::new));
        let sessions = self
            .db
            .list_stored_sessions(id, session, limit, call.deadline);
        let sessions = sessions.await?.into_iter();
        let filter = EventFilter {
            user_id: Some(id),
            ..EventFilter::default()
        };
        let events = self.list_events(call, &filter, event, limit).await?;
        let limits = self.issuer.session_limits;
        let mut items: Vec<_> = sessions
            .map(|session| ExportedItem::Session(session.limited_to(limits)))
            .chain(events.into_iter().map(ExportedItem::Event))
            .collect();
        items.sort_by_key(ExportedItem::id);
        items.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(UserExport { user, items })
    }
}
