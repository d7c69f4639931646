//! What users do with the list of their own sessions, proven by one of them.

use super::{Auth, AuthError, CallContext};
use crate::domain::{EventKind, PresentedToken, Session, SessionId};

/// A page of a user's live sessions.
#[derive(Debug, Clone)]
pub struct OwnSessions {
    /// The session that proved the request; it need not be on the page.
    pub current: SessionId,
    /// In the order of their ids.
    pub sessions: Vec<Session>,
}

impl Auth {
    /// At most `limit` live sessions of the user, those with ids after `after`.
    ///
    /// # Errors
    /// The token proves no live session.
    pub async fn list_sessions(
        &self,
        call: &CallContext,
        token: &PresentedToken,
        after: Option<SessionId>,
        limit: u64,
    ) -> Result<OwnSessions, AuthError> {
        let (current, user) = self.live_session(call, token).await?;
        let limits = self.settings.session_limits;
        let live = (limits, self.clock.now());
        let sessions = self
            .db
            .list_sessions(&user, live, after, limit, call.deadline)
            .await?;
        Ok(OwnSessions {
            current: current.id,
            sessions: sessions.into_iter().map(|s| s.limited_to(limits)).collect(),
        })
    }

    /// Ends a session of the user, possibly the one that proves the request. An unknown id and
    /// another user's session change nothing and answer the same.
    ///
    /// # Errors
    /// The token proves no live session.
    pub async fn revoke_session_by_id(
        &self,
        call: &CallContext,
        token: &PresentedToken,
        id: SessionId,
    ) -> Result<(), AuthError> {
        let (_, user) = self.live_session(call, token).await?;
        let kind = EventKind::SessionRevoked;
        let event = call.event(&self.clock, kind, Some(user.id), Some(id))?;
        self.db
            .revoke_session_of(user.id, id, event, call.deadline)
            .await?;
        tracing::info!(user_id = %user.id, session_id = %id, "session revoked by its owner");
        Ok(())
    }

    /// Ends all sessions of the user except the one that proves the request. A login that is under
    /// way opens none.
    ///
    /// # Errors
    /// The token proves no live session, also when it ended during the call.
    pub async fn revoke_other_sessions(
        &self,
        call: &CallContext,
        token: &PresentedToken,
    ) -> Result<(), AuthError> {
        let (kept, user) = self.live_session(call, token).await?;
        let kind = EventKind::SessionsRevoked;
        let event = call.event(&self.clock, kind, Some(user.id), Some(kept.id))?;
        let ended = self
            .db
            .end_other_sessions(user.id, kept.id, event, call.deadline);
        if !ended.await? {
            return Err(AuthError::SessionInvalid);
        }
        tracing::info!(user_id = %user.id, session_id = %kept.id, "other sessions revoked");
        Ok(())
    }
}
