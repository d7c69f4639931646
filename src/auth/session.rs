//! Sessions by their token: opened by a login, checked, and ended for good.

use super::{Auth, AuthError, CallContext, Credentials, NewSession, login::VerifiedUser};
use crate::domain::{
    AuthenticationMethod, EventKind, PresentedToken, Session, SessionVerdict, User, UserKey,
    UserStatus,
};

impl Auth {
    /// Checks credentials and opens a session with a new secret; no secret is ever taken from
    /// outside.
    ///
    /// # Errors
    /// The credentials are wrong, also when the password was changed while it was verified.
    pub async fn create_session(
        &self,
        call: &CallContext,
        credentials: Credentials,
    ) -> Result<NewSession, AuthError> {
        let mut authenticated_at = self.clock.now();
        let verified = self.verify_credentials(call, &credentials).await?;
        let verified = verified.ok_or(AuthError::BadCredentials)?;
        let mut user = Some(verified.user.clone());
        while let Some(found) = user {
            let how = (AuthenticationMethod::Password, authenticated_at);
            let client = credentials.client.clone();
            let opened = self.issuer.open_session(call, found, how, client);
            if let Some(opened) = opened.await? {
                self.rehash_later(verified);
                return Ok(opened);
            }
            // The user's sessions were ended in between, or more than that. Taken before the user is
            // read again, so that the session is no older than what ended the others.
            authenticated_at = self.clock.now();
            user = self.still_verified(call, &verified, &credentials).await?;
        }
        let user = Some(verified.user.id);
        self.note_outcome(call, EventKind::LoginFailed, user, &credentials.client)?;
        Err(AuthError::BadCredentials)
    }

    /// The user as they are now, where the verified password is still theirs, and the address too.
    async fn still_verified(
        &self,
        call: &CallContext,
        verified: &VerifiedUser,
        credentials: &Credentials,
    ) -> Result<Option<User>, AuthError> {
        let key = UserKey::Email(credentials.email.key().clone());
        let user = self.db.find_user_by(&key, call.deadline).await?;
        Ok(user.filter(|user| {
            user.id == verified.user.id
                && user.status == UserStatus::Active
                && user.hashed_password == verified.user.hashed_password
        }))
    }

    /// Checks a session token. The only write is the end of the session when its secret was
    /// replaced longer ago than the grace.
    ///
    /// # Errors
    /// An invalid token is a verdict and not an error.
    pub async fn validate_session(
        &self,
        call: &CallContext,
        token: &PresentedToken,
    ) -> Result<SessionVerdict, AuthError> {
        let found = self.look_up(call, token).await?;
        self.judge(call, found).await
    }

    /// Checks up to 500 tokens as [`Self::validate_session`] does, and finds them by one statement.
    /// The verdicts are in the order of the tokens.
    ///
    /// # Errors
    /// An invalid token is a verdict and not an error.
    pub async fn validate_sessions(
        &self,
        call: &CallContext,
        tokens: &[PresentedToken],
    ) -> Result<Vec<SessionVerdict>, AuthError> {
        let mut verdicts = Vec::with_capacity(tokens.len());
        for found in self.look_up_all(call, tokens).await? {
            verdicts.push(self.judge(call, found).await?);
        }
        Ok(verdicts)
    }

    /// The live session that a token proves, and its user.
    ///
    /// # Errors
    /// `SessionInvalid` for every other verdict.
    pub(super) async fn live_session(
        &self,
        call: &CallContext,
        token: &PresentedToken,
    ) -> Result<(Session, User), AuthError> {
        let verdict = self.validate_session(call, token).await?;
        verdict.active().ok_or(AuthError::SessionInvalid)
    }

    /// The user whose live session a token proves.
    ///
    /// # Errors
    /// The token proves no live session.
    pub async fn user_of_session(
        &self,
        call: &CallContext,
        token: &PresentedToken,
    ) -> Result<User, AuthError> {
        Ok(self.live_session(call, token).await?.1)
    }

    /// Ends the session of a token. A token that proves no session changes nothing and answers the
    /// same.
    pub async fn revoke_session(
        &self,
        call: &CallContext,
        token: &PresentedToken,
    ) -> Result<(), AuthError> {
        let Some(found) = self.look_up(call, token).await? else {
            return Ok(());
        };
        if found.session.revoked_at.is_some() {
            return Ok(());
        }
        let kind = if found.is_reused(self.clock.now()) {
            EventKind::SessionSecretReused
        } else {
            EventKind::SessionRevoked
        };
        self.end_session(call, &found.session, kind).await
    }

    /// Ends a session with an event of a kind.
    pub(super) async fn end_session(
        &self,
        call: &CallContext,
        session: &Session,
        kind: EventKind,
    ) -> Result<(), AuthError> {
        // Without a client: the client of the login need not be the client that ends the session.
        let event = call.event(&self.clock, kind, Some(session.user_id), Some(session.id))?;
        let is_theft = kind == EventKind::SessionSecretReused;
        let ended = (session.user_id, session.id);
        self.db
            .revoke_session(ended, is_theft, event, call.deadline)
            .await?;
        if is_theft {
            tracing::warn!(user_id = %session.user_id, session_id = %session.id, "session ended: a replaced secret was presented");
        } else {
            tracing::info!(user_id = %session.user_id, session_id = %session.id, "session revoked");
        }
        Ok(())
    }
}
