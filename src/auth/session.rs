//! Sessions: opened by a login, judged by one rule, ended for good. What a token proves is found out in
//! `recognition`.

use super::{Auth, AuthError, CallContext, Credentials, entropy::random};
use crate::domain::{
    AuthenticationMethod, ClientInfo, EventKind, PresentedToken, Session, SessionId, SessionToken,
    SessionVerdict, Timestamp, User, uuid_v7,
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
        let client = credentials.client.clone();
        let Some(opened) = self.open_session(call, user, how, client).await? else {
            // The user was disabled or the password changed since it was read.
            let user = Some(verified.user.id);
            self.note(call, EventKind::LoginFailed, user, &credentials.client)?;
            return Err(AuthError::BadCredentials);
        };
        self.rehash_later(verified);
        Ok(opened)
    }

    /// Opens a session for a user who proved who they are, how and when. The oldest of their others
    /// ends where there are more than may be. `None`: the user was disabled or their sessions were
    /// ended since then.
    pub(super) async fn open_session(
        &self,
        call: &CallContext,
        user: User,
        (method, authenticated_at): (AuthenticationMethod, Timestamp),
        client: ClientInfo,
    ) -> Result<Option<NewSession>, AuthError> {
        let created_at = self.clock.now();
        let token = SessionToken::new(SessionId::new(uuid_v7(created_at, random()?)), random()?);
        let limits = self.settings.session_limits;
        let expires_at = created_at + limits.lifetime;
        let session = Session {
            id: token.id(),
            user_id: user.id,
            secret_hash: token.secret_hash(),
            epoch: user.session_epoch,
            created_at,
            authenticated_at,
            method,
            last_seen_at: created_at,
            expires_at,
            idle_expires_at: expires_at,
            revoked_at: None,
            client,
        };
        let session = session.limited_to(limits);
        let origin = call.origin(session.client.clone());
        let event = self.event(EventKind::SessionCreated, user.id, Some(session.id), origin)?;
        let added = self
            .db
            .add_session(session.clone(), limits, event, call.deadline);
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

    /// Judges a presented token. Writes nothing, unless the token was replaced long ago, which ends
    /// its session.
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
        match self.look_up(call, token).await? {
            Some(found) => self.judge(call, found).await,
            None => Ok(SessionVerdict::NotFound),
        }
    }

    /// Judges many tokens as [`Self::validate_session`] judges one, found by one statement. At most
    /// 500.
    ///
    /// # Errors
    /// The database is away or the deadline passed; a bad token is a verdict.
    pub async fn validate_sessions(
        &self,
        call: &CallContext,
        tokens: &[PresentedToken],
    ) -> Result<Vec<SessionVerdict>, AuthError> {
        let mut verdicts = Vec::with_capacity(tokens.len());
        for found in self.look_up_all(call, tokens).await? {
            verdicts.push(match found {
                Some(found) => self.judge(call, found).await?,
                None => SessionVerdict::NotFound,
            });
        }
        Ok(verdicts)
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
        match self.look_up(call, token).await? {
            Some(found) if found.session.revoked_at.is_none() => {
                let kind = if found.is_reused(self.clock.now()) {
                    EventKind::SessionSecretReused
                } else {
                    EventKind::SessionRevoked
                };
                self.end_session(call, &found.session, kind).await
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Ends a session, of which an event tells.
    pub(super) async fn end_session(
        &self,
        call: &CallContext,
        session: &Session,
        kind: EventKind,
    ) -> Result<(), AuthError> {
        // The client that opened it says nothing of who ends it.
        let origin = call.origin(ClientInfo::default());
        let event = self.event(kind, session.user_id, Some(session.id), origin)?;
        self.db
            .revoke_session(session.id, event.at, event, call.deadline)
            .await?;
        if kind == EventKind::SessionSecretReused {
            tracing::warn!(user_id = %session.user_id, session_id = %session.id, "session ended: a replaced secret was presented");
        } else {
            tracing::info!(user_id = %session.user_id, session_id = %session.id, "session revoked");
        }
        Ok(())
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
