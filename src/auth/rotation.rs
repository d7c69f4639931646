//! Rotation: a session gets a new secret, so that a leaked secret is good for a short time.

use std::time::Duration;

use tokio::time::Instant;

use super::{Auth, AuthError, CallContext, entropy::random_bytes, token_lookup::FoundSession};
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
    /// Replaces the secret of a session. An old token, presented again within its grace, gets the
    /// newest token of the session: calls at the same time, retries after a lost answer and answers
    /// that come late agree. A session that was rotated as often as possible goes on with its present
    /// token.
    ///
    /// # Errors
    /// The token proves no live session.
    pub async fn rotate_session(
        &self,
        call: &CallContext,
        token: &PresentedToken,
    ) -> Result<RotatedSession, AuthError> {
        let PresentedToken::Token(presented) = token else {
            return Err(AuthError::SessionInvalid);
        };
        let (session, is_current) = self.find_to_rotate(call, token).await?;
        if !is_current {
            return self.newest(call, presented, session).await;
        }
        let nonce = random_bytes()?;
        let next = presented.successor(&nonce);
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
        match self.find_to_rotate(call, token).await? {
            // It was rotated as often as possible.
            (session, true) => Ok(RotatedSession {
                token: presented.clone(),
                session,
            }),
            // Another call rotated it first.
            (session, false) => self.newest(call, presented, session).await,
        }
    }

    /// The newest token of a session, from one that rotations replaced within the grace: each nonce
    /// leads to the next.
    async fn newest(
        &self,
        call: &CallContext,
        replaced: &SessionToken,
        session: Session,
    ) -> Result<RotatedSession, AuthError> {
        let replacements = self.db.find_successors(session.id, call.deadline).await?;
        let mut token = replaced.clone();
        for _ in 0..=replacements.len() {
            let secret = token.secret_hash();
            let replacement = replacements.iter().find(|old| old.secret_hash == secret);
            match replacement.and_then(|old| old.nonce) {
                Some(nonce) => token = token.successor(&nonce),
                None => return Ok(RotatedSession { token, session }),
            }
        }
        Err(AuthError::SessionInvalid)
    }

    /// Deletes the nonces of rotations whose grace is long over: from then on the new token is not
    /// issued again. A call that began within the grace still finds every nonce of the chain.
    ///
    /// # Errors
    /// The database is not available; the nonces are deleted the next time.
    pub async fn forget_nonces(&self) -> Result<(), AuthError> {
        let before = self.clock.now() - ROTATION_GRACE * 2;
        let deadline = Instant::now() + WRITE_LIMIT;
        Ok(self.db.forget_nonces(before, deadline).await?)
    }

    /// The live session that a token proves, and whether the token holds its current secret; otherwise
    /// it holds one that was replaced within the grace.
    async fn find_to_rotate(
        &self,
        call: &CallContext,
        token: &PresentedToken,
    ) -> Result<(Session, bool), AuthError> {
        let found = self.look_up(call, token).await?;
        let is_current = found.as_ref().is_some_and(FoundSession::has_current_secret);
        let live = self.judge(call, found).await?.active();
        let (session, _) = live.ok_or(AuthError::SessionInvalid)?;
        Ok((session, is_current))
    }
}
