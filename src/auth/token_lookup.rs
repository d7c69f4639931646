//! Which session a presented token proves: by the current secret, or by one that a rotation replaced.
//! A replaced secret is good for a moment; whoever presents it later ends the session, since either
//! they or those who rotated it are not the user.

use super::{Auth, AuthError, CallContext};
use crate::domain::{
    EventKind, PresentedToken, SecretHash, Session, SessionId, SessionToken, SessionVerdict,
    SupersededSecret, Timestamp, User,
};

/// A session of which somebody presented a secret that is or was its own.
pub(super) struct FoundSession {
    /// With the configured limits applied.
    pub(super) session: Session,
    pub(super) user: User,
    /// The secret, where a rotation replaced it.
    pub(super) superseded: Option<SupersededSecret>,
}

impl FoundSession {
    /// Whether the secret was replaced so long ago that nobody should have it any more.
    pub(super) fn is_reused(&self, now: Timestamp) -> bool {
        let replaced = self.superseded.as_ref();
        replaced.is_some_and(|old| old.nonce_in_grace(&self.session, now).is_none())
    }
}

impl Auth {
    /// The session whose secret a token holds. A secret that never was one tells nothing.
    pub(super) async fn look_up(
        &self,
        call: &CallContext,
        token: &SessionToken,
    ) -> Result<Option<FoundSession>, AuthError> {
        let Some(found) = self.db.find_session(token.id(), call.deadline).await? else {
            return Ok(None);
        };
        let presented = token.secret_hash();
        let superseded = if found.0.secret_hash == presented {
            Vec::new()
        } else {
            let presented = [(token.id(), presented)];
            self.db.find_superseded(&presented, call.deadline).await?
        };
        Ok(self.matched(found, presented, &superseded))
    }

    /// The same for many tokens, in their order.
    pub(super) async fn look_up_all(
        &self,
        call: &CallContext,
        tokens: &[PresentedToken],
    ) -> Result<Vec<Option<FoundSession>>, AuthError> {
        let proofs: Vec<_> = tokens.iter().map(proof).collect();
        let ids: Vec<_> = proofs.iter().flatten().map(|(id, _)| *id).collect();
        let found = self.db.find_sessions(&ids, call.deadline).await?;
        let session = |id: SessionId| found.get(&id);
        let others: Vec<_> = proofs
            .iter()
            .flatten()
            .filter(|(id, presented)| session(*id).is_some_and(|s| s.0.secret_hash != *presented))
            .copied()
            .collect();
        let superseded = if others.is_empty() {
            Vec::new()
        } else {
            self.db.find_superseded(&others, call.deadline).await?
        };
        let found = proofs.into_iter().map(|proof| {
            let (id, presented) = proof?;
            self.matched(session(id)?.clone(), presented, &superseded)
        });
        Ok(found.collect())
    }

    /// Judges what was found, and notes that a live session was seen.
    pub(super) async fn judge(
        &self,
        call: &CallContext,
        found: FoundSession,
    ) -> Result<SessionVerdict, AuthError> {
        let now = self.clock.now();
        let reused = found.is_reused(now);
        let FoundSession { session, user, .. } = found;
        match SessionVerdict::of(session, user, now) {
            SessionVerdict::Active(active) if reused => {
                self.end_session(call, &active.0, EventKind::SessionSecretReused)
                    .await?;
                Ok(SessionVerdict::Revoked)
            }
            SessionVerdict::Active(active) => {
                self.last_seen.note(&active.0, now);
                Ok(SessionVerdict::Active(active))
            }
            verdict @ (SessionVerdict::Expired
            | SessionVerdict::Revoked
            | SessionVerdict::NotFound
            | SessionVerdict::UserDisabled) => Ok(verdict),
        }
    }

    fn matched(
        &self,
        (session, user): (Session, User),
        presented: SecretHash,
        superseded: &[SupersededSecret],
    ) -> Option<FoundSession> {
        let is_current = session.secret_hash == presented;
        let superseded = superseded
            .iter()
            .find(|old| old.session_id == session.id && old.secret_hash == presented);
        if !is_current && superseded.is_none() {
            return None;
        }
        Some(FoundSession {
            session: self.limited(session),
            user,
            superseded: superseded.cloned(),
        })
    }

    /// Applies the limits. What would end idle may have been seen here since it was last stored.
    fn limited(&self, session: Session) -> Session {
        let limits = self.settings.session_limits;
        let limited = session.limited_to(limits);
        if limited.idle_expires_at > self.clock.now() {
            return limited;
        }
        match self.last_seen.noted(limited.id) {
            Some(seen) if seen > limited.last_seen_at => Session {
                last_seen_at: seen,
                ..limited
            }
            .limited_to(limits),
            Some(_) | None => limited,
        }
    }
}

fn proof(token: &PresentedToken) -> Option<(SessionId, SecretHash)> {
    match token {
        PresentedToken::Token(token) => Some((token.id(), token.secret_hash())),
        PresentedToken::Malformed => None,
    }
}
