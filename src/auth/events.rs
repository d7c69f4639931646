//! What the use cases say of themselves in `events`.

use super::{Auth, AuthError, entropy::random};
use crate::domain::{Clock, Event, EventId, EventKind, Origin, SessionId, UserId, uuid_v7};

impl Auth {
    /// An event of now, about a user and possibly one of their sessions.
    pub(super) fn event(
        &self,
        kind: EventKind,
        user_id: UserId,
        session_id: Option<SessionId>,
        origin: Origin,
    ) -> Result<Event, AuthError> {
        let event = event(&self.clock, kind, Some(user_id), origin)?;
        Ok(Event {
            session_id,
            ..event
        })
    }
}

/// An event of now, about a user, or about nobody alone.
pub(super) fn event(
    clock: &Clock,
    kind: EventKind,
    user_id: Option<UserId>,
    origin: Origin,
) -> Result<Event, AuthError> {
    let at = clock.now();
    Ok(Event {
        id: EventId::new(uuid_v7(at, random()?)),
        kind,
        at,
        user_id,
        session_id: None,
        origin,
    })
}
