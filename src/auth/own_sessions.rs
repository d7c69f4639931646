//! What users do with the list of their own sessions.

use super::{Auth, AuthError, CallContext};
use crate::{
    db::{UpdateUserError, UserChange},
    domain::{ClientInfo, EventKind, PresentedToken, Session, SessionId},
};

/// Live sessions of a user.
#[derive(Debug, Clone)]
pub struct OwnSessions {
    /// The one that asked.
    pub current: SessionId,
    /// In the order of their ids.
    pub sessions: Vec<Session>,
}

impl Auth {
    /// The live sessions of the user whose session asks, after one of them, so many at most.
    ///
    /// # Errors
    /// The token proves no session, the database is away or the deadline passed.
    pub async fn list_sessions(
        &self,
        call: &CallContext,
        token: &PresentedToken,
        after: Option<SessionId>,
        limit: u64,
    ) -> Result<OwnSessions, AuthError> {
        let (current, user) = self.live_session(call, token).await?;
        let limits = self.settings.session_limits;
        let at = (limits, self.clock.now());
        let sessions = self
            .db
            .list_sessions(&user, at, after, limit, call.deadline)
            .await?;
        Ok(OwnSessions {
            current: current.id,
            sessions: sessions.into_iter().map(|s| s.limited_to(limits)).collect(),
        })
    }

    /// Ends a session of the user whose session asks, that one included. Another user's and an
    /// unknown one are the same, and nothing happens.
    ///
    /// # Errors
    /// The token proves no session, the database is away or the deadline passed.
    pub async fn revoke_session_by_id(
        &self,
        call: &CallContext,
        token: &PresentedToken,
        id: SessionId,
    ) -> Result<(), AuthError> {
        let (_, user) = self.live_session(call, token).await?;
        let origin = call.origin(ClientInfo::default());
        let event = self.event(EventKind::SessionRevoked, user.id, Some(id), origin)?;
        self.db
            .revoke_session_of(user.id, id, event, call.deadline)
            .await?;
        tracing::info!(user_id = %user.id, session_id = %id, "session revoked by its owner");
        Ok(())
    }

    /// Ends all sessions of a user but the one that asks; a login that is under way leaves none
    /// behind.
    ///
    /// # Errors
    /// The token proves no session (also when it ended meanwhile), the database is away or the
    /// deadline passed.
    pub async fn revoke_other_sessions(
        &self,
        call: &CallContext,
        token: &PresentedToken,
    ) -> Result<(), AuthError> {
        let (kept, user) = self.live_session(call, token).await?;
        let origin = call.origin(ClientInfo::default());
        let event = self.event(EventKind::SessionsRevoked, user.id, Some(kept.id), origin)?;
        let change = UserChange::EndOtherSessions { kept: kept.id };
        let (now, deadline) = (event.at, call.deadline);
        let ended = self
            .db
            .update_user(user.id, change, now, Some(event), deadline);
        match ended.await {
            Ok(_) => {
                tracing::info!(user_id = %user.id, session_id = %kept.id, "other sessions revoked");
                Ok(())
            }
            Err(UpdateUserError::Db(error)) => Err(error.into()),
            Err(
                UpdateUserError::PasswordChanged
                | UpdateUserError::EmailTaken
                | UpdateUserError::UnknownUser,
            ) => Err(AuthError::SessionInvalid),
        }
    }
}
