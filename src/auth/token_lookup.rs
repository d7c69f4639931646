//! Which session a presented token proves: by its current secret, or by a secret that a
//! rotation replaced.
//!
//! A replaced secret is good for the grace. Presented later it ends the session: two parties hold
//! its secrets, and one of them is not the user.

use super::{Auth, AuthError, CallContext};
use crate::domain::{
    EventKind, PresentedToken, SecretHash, Session, SessionId, SessionVerdict, Standing,
    SupersededSecret, Timestamp, User,
};

/// A session whose current or former secret was presented.
pub(super) struct FoundSession {
    /// With the configured limits applied.
    pub(super) session: Session,
    user: User,
    /// The presented secret, where a rotation replaced it.
    superseded: Option<SupersededSecret>,
}

impl FoundSession {
    /// Whether the presented secret is the session's current one.
    pub(super) fn has_current_secret(&self) -> bool {
        self.superseded.is_none()
    }

    /// Whether the secret was replaced longer ago than the grace.
    pub(super) fn is_reused(&self, now: Timestamp) -> bool {
        self.standing(now) == Standing::Reused
    }

    fn standing(&self, now: Timestamp) -> Standing {
        let superseded = self.superseded.as_ref();
        superseded.map_or(Standing::Good, |old| old.standing(&self.session, now))
    }
}

impl Auth {
    /// Finds the session whose current or former secret a token holds.
    pub(super) async fn look_up(
        &self,
        call: &CallContext,
        token: &PresentedToken,
    ) -> Result<Option<FoundSession>, AuthError> {
        let Some((id, presented)) = id_and_hash(token) else {
            return Ok(None);
        };
        let Some(found) = self.db.find_session(id, call.deadline).await? else {
            return Ok(None);
        };
        let superseded = if found.0.secret_hash == presented {
            Vec::new()
        } else {
            let others = [(id, presented)];
            self.db.find_superseded(&others, call.deadline).await?
        };
        Ok(self.match_secret(found, presented, &superseded))
    }

    /// Finds the sessions of many tokens, in the order of the tokens.
    pub(super) async fn look_up_all(
        &self,
        call: &CallContext,
        tokens: &[PresentedToken],
    ) -> Result<Vec<Option<FoundSession>>, AuthError> {
        let presented: Vec<_> = tokens.iter().map(id_and_hash).collect();
        let ids: Vec<_> = presented.iter().flatten().map(|(id, _)| *id).collect();
        let found = self.db.find_sessions(&ids, call.deadline).await?;
        let session = |id: SessionId| found.get(&id);
        let others: Vec<_> = presented
            .iter()
            .flatten()
            .filter(|(id, hash)| session(*id).is_some_and(|s| s.0.secret_hash != *hash))
            .copied()
            .collect();
        let superseded = if others.is_empty() {
            Vec::new()
        } else {
            self.db.find_superseded(&others, call.deadline).await?
        };
        let found = presented.into_iter().map(|presented| {
            let (id, hash) = presented?;
            self.match_secret(session(id)?.clone(), hash, &superseded)
        });
        Ok(found.collect())
    }

    /// The verdict on what was found. Notes that a live session was seen; ends one whose replaced
    /// secret was presented after the grace.
    pub(super) async fn judge(
        &self,
        call: &CallContext,
        found: Option<FoundSession>,
    ) -> Result<SessionVerdict, AuthError> {
        let Some(found) = found else {
            return Ok(SessionVerdict::NotFound);
        };
        let now = self.clock.now();
        let standing = found.standing(now);
        let FoundSession { session, user, .. } = found;
        match SessionVerdict::new(session, user, now) {
            SessionVerdict::Active(active) => match standing {
                Standing::Good => {
                    self.last_seen.note(&active.0, now);
                    Ok(SessionVerdict::Active(active))
                }
                Standing::Ended => Ok(SessionVerdict::Revoked),
                Standing::Reused => {
                    self.end_session(call, &active.0, EventKind::SessionSecretReused)
                        .await?;
                    Ok(SessionVerdict::Revoked)
                }
            },
            verdict @ (SessionVerdict::Expired
            | SessionVerdict::Revoked
            | SessionVerdict::NotFound
            | SessionVerdict::UserDisabled) => Ok(verdict),
        }
    }

    /// `None` for a secret that the session never had: its id is public and opens nothing.
    fn match_secret(
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
            session: self.apply_limits(session),
            user,
            superseded: superseded.cloned(),
        })
    }

    /// Applies the configured limits. A session that the stored time ends as idle may have been
    /// seen here since that time was written.
    fn apply_limits(&self, session: Session) -> Session {
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

fn id_and_hash(token: &PresentedToken) -> Option<(SessionId, SecretHash)> {
    match token {
        PresentedToken::Token(token) => Some((token.id(), token.secret_hash())),
        PresentedToken::Malformed => None,
    }
}
