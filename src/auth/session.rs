//! Sessions: opened by a login, judged by one rule, ended for good.

use super::{Auth, AuthError, CallContext, Credentials, entropy::random};
use crate::domain::{
    AuthenticationMethod, ClientInfo, EventKind, Instant, PresentedToken, Session, SessionId,
    SessionToken, SessionVerdict, User, uuid_v7,
};

/// A session that was just opened, with the secret that proves it.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Told once and stored nowhere.
    pub token: SessionToken,
    /// The session.
    pub session: Session,
    /// Its user.
    pub user: User,
}

impl Auth {
    /// Checks credentials and opens a session with a secret of its own; no secret is ever taken
    /// from outside.
    ///
    /// # Errors
    /// The credentials are wrong (also when the password was changed while it was verified), the
    /// hash queue is full, the database is away or the deadline passed.
    pub async fn create_session(
        &self,
        call: &CallContext,
        credentials: Credentials,
    ) -> Result<NewSession, AuthError> {
        let authenticated_at = self.clock.now();
        let verified = self.verify(call, &credentials).await?;
        let verified = verified.ok_or(AuthError::BadCredentials)?;
        let user = verified.user.clone();
        let how = (AuthenticationMethod::Password, authenticated_at);
        let opened = self.open_session(call, user, how, credentials.client);
        let opened = opened.await?.ok_or(AuthError::BadCredentials)?;
        self.rehash_later(verified);
        Ok(opened)
    }

    /// Opens a session for a user who proved who they are, how and when. `None`: the user was disabled
    /// or their sessions were ended since then.
    pub(super) async fn open_session(
        &self,
        call: &CallContext,
        user: User,
        (method, authenticated_at): (AuthenticationMethod, Instant),
        client: ClientInfo,
    ) -> Result<Option<NewSession>, AuthError> {
        let created_at = self.clock.now();
        let token = SessionToken::new(SessionId::new(uuid_v7(created_at, random()?)), random()?);
        let session = Session {
            id: token.id(),
            user_id: user.id,
            secret_hash: token.secret_hash(),
            epoch: user.session_epoch,
            created_at,
            authenticated_at,
            method,
            last_seen_at: created_at,
            expires_at: created_at + self.settings.session_lifetime,
            revoked_at: None,
            client,
        };
        let origin = call.origin(session.client.clone());
        let event = self.event(EventKind::SessionCreated, user.id, Some(session.id), origin)?;
        let added = self.db.add_session(session.clone(), event, call.deadline);
        if !added.await? {
            return Ok(None);
        }
        tracing::info!(
            user_id = %user.id,
            session_id = %session.id,
            claimed_ip = session.client.ip.map(display),
            claimed_user_agent = session.client.user_agent,
            "session created"
        );
        Ok(Some(NewSession {
            token,
            session,
            user,
        }))
    }

    /// Judges a presented token. Writes nothing.
    ///
    /// # Errors
    /// The database is away or the deadline passed; a bad token is a verdict.
    pub async fn validate_session(
        &self,
        call: &CallContext,
        token: &PresentedToken,
    ) -> Result<SessionVerdict, AuthError> {
        let PresentedToken::Token(token) = token else {
            return Ok(SessionVerdict::NotFound);
        };
        let Some((session, user)) = self.db.find_session(token.id(), call.deadline).await? else {
            return Ok(SessionVerdict::NotFound);
        };
        let session = session.limited_to(self.settings.session_lifetime);
        Ok(SessionVerdict::of(
            session,
            user,
            token.secret_hash(),
            self.clock.now(),
        ))
    }

    /// Ends the session of a token. Nothing is told of a token that opens nothing, and nothing is
    /// done for it: a session's id is public.
    ///
    /// # Errors
    /// The database is away or the deadline passed.
    pub async fn revoke_session(
        &self,
        call: &CallContext,
        token: &PresentedToken,
    ) -> Result<(), AuthError> {
        let PresentedToken::Token(token) = token else {
            return Ok(());
        };
        match self.db.find_session(token.id(), call.deadline).await? {
            Some((session, _))
                if session.secret_hash == token.secret_hash() && session.revoked_at.is_none() =>
            {
                let (kind, origin) = (EventKind::SessionRevoked, call.origin(session.client));
                let event = self.event(kind, session.user_id, Some(session.id), origin)?;
                self.db
                    .revoke_session(session.id, event.at, event, call.deadline)
                    .await?;
                tracing::info!(user_id = %session.user_id, session_id = %session.id, "session revoked");
                Ok(())
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The user whose live session a token proves.
    ///
    /// # Errors
    /// The token proves no session, the database is away or the deadline passed.
    pub async fn user_of_session(
        &self,
        call: &CallContext,
        token: &PresentedToken,
    ) -> Result<User, AuthError> {
        Ok(self.live_session(call, token).await?.1)
    }
}
