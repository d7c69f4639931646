//! Sessions and password resets of other users: issued for a named caller, listed, and ended.

use super::Users;
use crate::{
    auth::{AuthError, CallContext, Issuer, NewSession, NewToken},
    db::KeptSessions,
    domain::{
        AuthenticationMethod, ClientInfo, EventKind, Session, SessionId, Timestamp, User, UserId,
        UserKey, UserStatus,
    },
};

/// Which sessions of a user end.
#[derive(Debug, Clone, Copy)]
pub enum SessionsToEnd {
    All,
    /// All except this session; all sessions where it is not a live session of the user.
    AllBut(SessionId),
    /// This session, where it is the user's.
    One(SessionId),
    /// The sessions whose user proved who they are before this time, which must have passed.
    IssuedBefore(Timestamp),
}

/// A session to open for a user.
#[derive(Debug, Clone)]
pub struct SessionToOpen {
    pub key: UserKey,
    pub unverified: Unverified,
    /// The end user's client.
    pub client: ClientInfo,
}

/// What to do about a user whose address was never verified: whoever registered with it may be
/// somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unverified {
    /// Refuse a user who is named by the address.
    Refuse,
    /// Open the session.
    Allow,
    /// The caller has proven that the end user reads the mail of the address: verify it, and take away
    /// what the user had until then.
    Claim,
}

impl<I> Users<I> {
    /// Ends sessions of a user, and what they requested, in one write.
    ///
    /// # Errors
    /// There is no such user, or the time of `IssuedBefore` is in the future.
    pub async fn end_sessions(
        &self,
        call: &CallContext,
        id: UserId,
        ended: SessionsToEnd,
    ) -> Result<(), AuthError> {
        let event = call.event(&self.clock, EventKind::SessionsRevoked, Some(id), None)?;
        let kept = match ended {
            SessionsToEnd::All => KeptSessions::None,
            SessionsToEnd::AllBut(kept) => KeptSessions::One(kept),
            SessionsToEnd::IssuedBefore(time) if time > event.at => {
                return Err(AuthError::InTheFuture);
            }
            SessionsToEnd::IssuedBefore(time) => KeptSessions::AuthenticatedSince(time),
            SessionsToEnd::One(session) => return self.end_session(call, id, session).await,
        };
        if !self.db.end_sessions(id, kept, event, call.deadline).await? {
            return Err(AuthError::UserNotFound);
        }
        tracing::info!(user_id = %id, "sessions ended");
        Ok(())
    }

    async fn end_session(
        &self,
        call: &CallContext,
        id: UserId,
        session: SessionId,
    ) -> Result<(), AuthError> {
        self.find(call, &UserKey::Id(id)).await?;
        let kind = EventKind::SessionRevoked;
        let event = call.event(&self.clock, kind, Some(id), Some(session))?;
        self.db
            .revoke_session((id, session), true, event, call.deadline)
            .await?;
        tracing::info!(user_id = %id, session_id = %session, "session ended");
        Ok(())
    }
}

impl Users<Issuer> {
    /// Opens a session for a user whom the caller itself has authenticated.
    ///
    /// # Errors
    /// There is no such user, the user is disabled, or the address was never verified.
    pub async fn create_session(
        &self,
        call: &CallContext,
        open: &SessionToOpen,
    ) -> Result<NewSession, AuthError> {
        loop {
            // Taken before the user is read, so that no session looks newer than the user's state
            // by which it was opened.
            let authenticated_at = self.clock.now();
            let user = self.find_active(call, &open.key).await?;
            if user.email_verified_at.is_none() {
                match (open.unverified, &open.key) {
                    (Unverified::Refuse, UserKey::Email(_)) => {
                        return Err(AuthError::EmailNotVerified);
                    }
                    (Unverified::Claim, _) => {
                        self.claim(call, &user).await?;
                        // The session is opened for the user as read again.
                        continue;
                    }
                    (Unverified::Refuse | Unverified::Allow, _) => {}
                }
            }
            let how = (AuthenticationMethod::Caller, authenticated_at);
            let client = open.client.clone();
            let opened = self.issuer.open_session(call, user, how, client);
            // `None`: the user was changed in between, and is read again until the deadline.
            if let Some(opened) = opened.await? {
                return Ok(opened);
            }
        }
    }

    async fn claim(&self, call: &CallContext, user: &User) -> Result<(), AuthError> {
        let event = call.event(&self.clock, EventKind::EmailVerified, Some(user.id), None)?;
        let address = user.email.0.clone();
        self.db
            .claim_user(user.id, address, event, call.deadline)
            .await?;
        tracing::info!(user_id = %user.id, "unverified account claimed by its address");
        Ok(())
    }

    /// Makes a token that sets a new password. Its redemption does not prove the user's address:
    /// the caller, and not a mail, brings it to the user.
    ///
    /// # Errors
    /// There is no such user, or the user is disabled.
    pub async fn create_password_reset(
        &self,
        call: &CallContext,
        key: &UserKey,
    ) -> Result<NewToken, AuthError> {
        loop {
            let user = self.find_active(call, key).await?;
            let kind = EventKind::PasswordResetCreated;
            let event = call.event(&self.clock, kind, Some(user.id), None)?;
            let issued = self.issuer.issue_returned(&user, event, call.deadline);
            if let Some(token) = issued.await? {
                tracing::info!(user_id = %user.id, "password reset made for a caller");
                return Ok(token);
            }
        }
    }

    /// At most `limit` live sessions of a user in the order of their ids, those with ids after
    /// `after`.
    ///
    /// # Errors
    /// There is no such user.
    pub async fn list_sessions(
        &self,
        call: &CallContext,
        id: UserId,
        after: Option<SessionId>,
        limit: u64,
    ) -> Result<Vec<Session>, AuthError> {
        let user = self.find(call, &UserKey::Id(id)).await?;
        let limits = self.issuer.session_limits;
        let live = (limits, self.clock.now());
        let sessions = self
            .db
            .list_sessions(&user, live, after, limit, call.deadline);
        let sessions = sessions.await?.into_iter();
        Ok(sessions.map(|session| session.limited_to(limits)).collect())
    }

    async fn find_active(&self, call: &CallContext, key: &UserKey) -> Result<User, AuthError> {
        let user = self.find(call, key).await?;
        match user.status {
            UserStatus::Active => Ok(user),
            UserStatus::Disabled => Err(AuthError::UserDisabled),
        }
    }
}
