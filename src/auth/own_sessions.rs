//! What users do with the list of their own sessions, proven by one of them.

use super::{Auth, AuthError, CallContext};
use crate::{
    db::OthersEnded,
    domain::{EventKind, PresentedToken, Session, SessionId},
};

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
    /// The token proves no live session; for another session than its own, its user proved who they
    /// are too long ago, or it ended others too often.
    pub async fn revoke_session_by_id(
        &self,
        call: &CallContext,
        token: &PresentedToken,
        id: SessionId,
    ) -> Result<(), AuthError> {
        let (asking, user) = self.live_session(call, token).await?;
        if asking.id == id {
            return self
                .end_session(call, &asking, EventKind::SessionRevoked)
                .await;
        }
        self.require_recent_proof(&asking)?;
        let kind = EventKind::SessionRevoked;
        let event = call.event(&self.clock, kind, Some(user.id), Some(id))?;
        let (by, limits) = ((user.id, asking.id), self.settings.session_limits);
        let ended = self
            .db
            .end_other_session(by, id, limits, event, call.deadline);
        self.others_ended(ended.await?)?;
        tracing::info!(user_id = %user.id, session_id = %id, "session revoked by its owner");
        Ok(())
    }

    /// Ends all sessions of the user except the one that proves the request, and what others than it
    /// requested.
    ///
    /// # Errors
    /// The token proves no live session, also when it ended during the call; its user proved who they
    /// are too long ago; or it ended the others a moment ago.
    pub async fn revoke_other_sessions(
        &self,
        call: &CallContext,
        token: &PresentedToken,
    ) -> Result<(), AuthError> {
        let (kept, user) = self.live_session(call, token).await?;
        self.require_recent_proof(&kept)?;
        let kind = EventKind::SessionsRevoked;
        let event = call.event(&self.clock, kind, Some(user.id), Some(kept.id))?;
        let (by, limits) = ((user.id, kept.id), self.settings.session_limits);
        let ended = self.db.end_other_sessions(by, limits, event, call.deadline);
        self.others_ended(ended.await?)?;
        tracing::info!(user_id = %user.id, session_id = %kept.id, "other sessions revoked");
        Ok(())
    }

    /// Refuses a session whose user proved who they are so long ago that somebody else may hold it by
    /// now.
    fn require_recent_proof(&self, session: &Session) -> Result<(), AuthError> {
        let recent = session.authenticated_at + self.settings.reauthentication;
        if self.clock.now() >= recent {
            return Err(AuthError::ReauthenticationRequired);
        }
        Ok(())
    }

    fn others_ended(&self, outcome: OthersEnded) -> Result<(), AuthError> {
        match outcome {
            OthersEnded::Yes => Ok(()),
            OthersEnded::HadEnded => Err(AuthError::SessionInvalid),
            OthersEnded::TooSoon(again) => {
                let wait = again - self.clock.now();
                let retry_after = wait.to_std().unwrap_or_default();
                Err(AuthError::RateLimited { retry_after })
            }
        }
    }
}
