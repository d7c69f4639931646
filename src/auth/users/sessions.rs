//! Sessions and password resets as named callers and operators ask for them, and the ends of
//! sessions.

use zeroize::Zeroizing;

use super::Users;
use crate::{
    auth::{Auth, AuthError, CallContext, NewSession, TokenDelivery},
    db::{KeptSessions, UserChange},
    domain::{
        AuthenticationMethod, ClientInfo, EventKind, Session, SessionId, Timestamp, TokenPurpose,
        User, UserId, UserKey, UserStatus,
    },
};

/// Which sessions of a user end.
#[derive(Debug, Clone, Copy)]
pub enum EndedSessions {
    /// All of them.
    All,
    /// All but one; all of them where that is not a live one of the user's.
    AllBut(SessionId),
    /// One, if it is the user's.
    One(SessionId),
    /// Those whose user proved who they are before an instant, which has passed.
    IssuedBefore(Timestamp),
}

/// A token that sets a new password, for a caller that brings it to its user.
#[derive(Debug)]
pub struct NewPasswordReset {
    /// Told once and stored nowhere.
    pub token: Zeroizing<String>,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl Users {
    /// Ends sessions of a user in one write. Where more than one is meant, logins that are under way
    /// are refused by it too.
    ///
    /// # Errors
    /// There is no such user, the instant is in the future, the database is away or the deadline
    /// passed.
    pub async fn end_sessions(
        &self,
        call: &CallContext,
        id: UserId,
        ended: EndedSessions,
    ) -> Result<(), AuthError> {
        let event = self.event(call, EventKind::SessionsRevoked, id)?;
        let change = match ended {
            EndedSessions::All => UserChange::EndSessions,
            EndedSessions::AllBut(kept) => UserChange::EndSessionsBut(KeptSessions::One(kept)),
            EndedSessions::IssuedBefore(instant) if instant > event.at => {
                return Err(AuthError::InTheFuture);
            }
            EndedSessions::IssuedBefore(instant) => {
                UserChange::EndSessionsBut(KeptSessions::AuthenticatedSince(instant))
            }
            EndedSessions::One(session) => return self.end_session(call, id, session).await,
        };
        self.change(call, id, change, event).await?;
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
        let mut event = self.event(call, EventKind::SessionRevoked, id)?;
        event.session_id = Some(session);
        self.db
            .revoke_session_of(id, session, event, call.deadline)
            .await?;
        tracing::info!(user_id = %id, session_id = %session, "session ended");
        Ok(())
    }
}

impl Auth {
    /// Opens a session for a user whom a caller has authenticated itself.
    ///
    /// # Errors
    /// There is no such user, the user is disabled, the database is away or the deadline passed.
    pub async fn create_session_for(
        &self,
        call: &CallContext,
        key: &UserKey,
        client: ClientInfo,
    ) -> Result<NewSession, AuthError> {
        loop {
            // Before the user is read: a session must not look younger than what it was judged by.
            let authenticated_at = self.clock.now();
            let user = self.active_user(call, key).await?;
            let how = (AuthenticationMethod::Caller, authenticated_at);
            let opened = self.open_session(call, user, how, client.clone());
            // Whoever changed meanwhile is read again, until the deadline.
            if let Some(opened) = opened.await? {
                return Ok(opened);
            }
        }
    }

    /// Makes a token that sets a new password, and proves no address: nobody mailed it there.
    ///
    /// # Errors
    /// There is no such user, the user is disabled, the database is away or the deadline passed.
    pub async fn create_password_reset(
        &self,
        call: &CallContext,
        key: &UserKey,
    ) -> Result<NewPasswordReset, AuthError> {
        let purpose = TokenPurpose::PasswordReset;
        loop {
            let user = self.active_user(call, key).await?;
            let origin = call.origin(ClientInfo::default());
            let event = self.event(EventKind::PasswordResetCreated, user.id, None, origin)?;
            let delivery = TokenDelivery::Returned(event);
            let issued = self.issue_one_time_token(&user, purpose, delivery, call.deadline);
            if let Some((token, expires_at)) = issued.await? {
                tracing::info!(user_id = %user.id, "password reset made for a caller");
                return Ok(NewPasswordReset { token, expires_at });
            }
        }
    }

    /// Some live sessions of a user in the order of their ids, from the one after `after` on.
    ///
    /// # Errors
    /// There is no such user, the database is away or the deadline passed.
    pub async fn list_user_sessions(
        &self,
        call: &CallContext,
        id: UserId,
        after: Option<SessionId>,
        limit: u64,
    ) -> Result<Vec<Session>, AuthError> {
        let user = self.users().find(call, &UserKey::Id(id)).await?;
        let limits = self.settings.session_limits;
        let at = (limits, self.clock.now());
        let sessions = self
            .db
            .list_sessions(&user, at, after, limit, call.deadline);
        let sessions = sessions.await?.into_iter();
        Ok(sessions.map(|session| session.limited_to(limits)).collect())
    }

    async fn active_user(&self, call: &CallContext, key: &UserKey) -> Result<User, AuthError> {
        let user = self.users().find(call, key).await?;
        match user.status {
            UserStatus::Active => Ok(user),
            UserStatus::Disabled => Err(AuthError::UserDisabled),
        }
    }
}
