//! Rotation: a session gets a new secret, so that a leaked secret is good for a short time.

use std::time::Duration;

use tokio::time::Instant;

use super::{Auth, AuthError, CallContext, entropy::random_bytes};
use crate::{
    db::Rotation,
    domain::{PresentedToken, ROTATION_GRACE, Session, SessionToken, SupersededSecret},
};

/// How long the periodic deletion of nonces may take.
const WRITE_LIMIT: Duration = Duration::from_secs(10);

/// A session with a new secret.
#[derive(Debug, Clone)]
pub struct RotatedSession {
    /// The token that holds the new secret.
    pub token: SessionToken,
    /// The session, whose limits did not change.
    pub session: Session,
}

impl Auth {
    /// Replaces the secret of a session. The old token, presented again within the grace, gets the
    /// same new token: calls at the same time and retries after a lost answer agree.
    ///
    /// # Errors
    /// The token proves no live session, or its session was rotated too often.
    pub async fn rotate_session(
        &self,
        call: &CallContext,
        token: &PresentedToken,
    ) -> Result<RotatedSession, AuthError> {
        let PresentedToken::Token(current) = token else {
            return Err(AuthError::SessionInvalid);
        };
        let (session, nonce) = self.find_to_rotate(call, token).await?;
        if let Some(nonce) = nonce {
            let token = current.successor(&nonce);
            return Ok(RotatedSession { token, session });
        }
        let nonce = random_bytes()?;
        let next = current.successor(&nonce);
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
        // Another call rotated it first, or the session may not be rotated any more.
        match self.find_to_rotate(call, token).await? {
            (session, Some(nonce)) => {
                let token = current.successor(&nonce);
                Ok(RotatedSession { token, session })
            }
            (_, None) => Err(AuthError::SessionInvalid),
        }
    }

    /// Deletes the nonces of rotations whose grace is over: from then on the new token is not
    /// issued again.
    ///
    /// # Errors
    /// The database is not available; the nonces are deleted the next time.
    pub async fn forget_nonces(&self) -> Result<(), AuthError> {
        let before = self.clock.now() - ROTATION_GRACE;
        let deadline = Instant::now() + WRITE_LIMIT;
        Ok(self.db.forget_nonces(before, deadline).await?)
    }

    /// The live session that a token proves, and the nonce of the rotation that replaced the
    /// token's secret, where one did within the grace.
    async fn find_to_rotate(
        &self,
        call: &CallContext,
        token: &PresentedToken,
    ) -> Result<(Session, Option<[u8; 32]>), AuthError> {
        let found = self.look_up(call, token).await?;
        let now = self.clock.now();
        let nonce = found.as_ref().and_then(|found| found.nonce_in_grace(now));
        let live = self.judge(call, found).await?.active();
        let (session, _) = live.ok_or(AuthError::SessionInvalid)?;
        Ok((session, nonce))
    }
}
