//! A session's secret is replaced, so that one that leaked is good for a short time.

use std::time::Duration;

use tokio::time::Instant;

use super::{Auth, AuthError, CallContext, entropy::random, token_lookup::FoundSession};
use crate::{
    db::Rotation,
    domain::{
        PresentedToken, ROTATION_GRACE, Session, SessionToken, SessionVerdict, SupersededSecret,
    },
};

/// How long the write may take that nobody waits for.
const WRITE_LIMIT: Duration = Duration::from_secs(10);

/// A session with a new secret.
#[derive(Debug, Clone)]
pub struct RotatedSession {
    /// The token with it.
    pub token: SessionToken,
    /// The session; its limits are the old ones.
    pub session: Session,
}

impl Auth {
    /// Replaces the secret of a session. Whoever presents the old one within the grace, at the same
    /// time or again because no answer came, gets the same new one.
    ///
    /// # Errors
    /// The token proves no session, or its session was rotated too often; the database is away or the
    /// deadline passed.
    pub async fn rotate_session(
        &self,
        call: &CallContext,
        token: &PresentedToken,
    ) -> Result<RotatedSession, AuthError> {
        let PresentedToken::Token(token) = token else {
            return Err(AuthError::SessionInvalid);
        };
        let (session, repeated) = self.to_rotate(call, token).await?;
        if let Some(token) = repeated {
            return Ok(RotatedSession { token, session });
        }
        let nonce = random()?;
        let next = token.successor(&nonce);
        let rotation = Rotation {
            superseded: SupersededSecret {
                session_id: session.id,
                secret_hash: session.secret_hash,
                epoch: session.epoch,
                nonce: Some(nonce),
                superseded_at: self.clock.now(),
            },
            next: next.secret_hash(),
        };
        if self.db.rotate_session(rotation, call.deadline).await? {
            tracing::info!(user_id = %session.user_id, session_id = %session.id, "session rotated");
            return Ok(RotatedSession {
                token: next,
                session,
            });
        }
        // Another call was first, or the session may not be rotated any more.
        match self.to_rotate(call, token).await? {
            (session, Some(token)) => Ok(RotatedSession { token, session }),
            (_, None) => Err(AuthError::SessionInvalid),
        }
    }

    /// Forgets what replaced secrets were made with, once that cannot be asked for any more.
    ///
    /// # Errors
    /// The database is away.
    pub async fn forget_nonces(&self) -> Result<(), AuthError> {
        let before = self.clock.now() - ROTATION_GRACE;
        let deadline = Instant::now() + WRITE_LIMIT;
        Ok(self.db.forget_nonces(before, deadline).await?)
    }

    /// The live session that a token proves, and the token that followed on it, where one did.
    async fn to_rotate(
        &self,
        call: &CallContext,
        token: &SessionToken,
    ) -> Result<(Session, Option<SessionToken>), AuthError> {
        let found = self.look_up(call, token).await?;
        let found = found.ok_or(AuthError::SessionInvalid)?;
        let repeated = self.repeated(token, &found);
        match self.judge(call, found).await? {
            SessionVerdict::Active(active) => Ok((active.0, repeated)),
            SessionVerdict::Expired
            | SessionVerdict::Revoked
            | SessionVerdict::NotFound
            | SessionVerdict::UserDisabled => Err(AuthError::SessionInvalid),
        }
    }

    fn repeated(&self, token: &SessionToken, found: &FoundSession) -> Option<SessionToken> {
        let superseded = found.superseded.as_ref()?;
        let nonce = superseded.nonce_in_grace(&found.session, self.clock.now())?;
        Some(token.successor(&nonce))
    }
}
