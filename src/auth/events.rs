//! What the use cases say of themselves in `events`.

use super::{Auth, AuthError, entropy::random};
use crate::domain::{Event, EventId, EventKind, Origin, SessionId, UserId, uuid_v7};

impl Auth {
    /// An event of now, about a user and possibly one of their sessions.
    pub(super) fn event(
        &self,
        kind: EventKind,
        user_id: UserId,
        session_id: Option<SessionId>,
        origin: Origin,
    ) -> Result<Event, AuthError> {
        let at = self.clock.now();
        Ok(Event {
            id: EventId::new(uuid_v7(at, random()?)),
            kind,
            at,
            user_id: Some(user_id),
            session_id,
            origin,
        })
    }
}
