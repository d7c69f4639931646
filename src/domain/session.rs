//! The session: a login that lasts, and the one rule that says whether it still does.

use std::time::Duration;

use chrono::TimeDelta;

use super::{ClientInfo, Instant, SecretHash, SessionId, User, UserId, UserStatus};

/// One row of `sessions`.
#[derive(Debug, Clone)]
pub struct Session {
    /// The public handle.
    pub id: SessionId,
    /// Whose session this is.
    pub user_id: UserId,
    /// SHA-256 of the token's secret.
    pub secret_hash: SecretHash,
    /// The user's `session_epoch` as it was before the password was verified. The session lives
    /// only while the two are equal, so a login that was under way when the password changed leaves
    /// no session behind.
    pub epoch: i64,
    /// When the session was made.
    pub created_at: Instant,
    /// When the user last proved who they are; taken before verification.
    pub authenticated_at: Instant,
    /// How they proved it.
    pub method: AuthenticationMethod,
    /// When the session was last used, as far as that was noted.
    pub last_seen_at: Instant,
    /// The absolute limit, fixed at creation.
    pub expires_at: Instant,
    /// When it was ended, if it was.
    pub revoked_at: Option<Instant>,
    /// The client that logged in.
    pub client: ClientInfo,
}

/// How a user proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthenticationMethod {
    /// By their password.
    Password,
    /// To a named caller, which opened the session for them.
    Caller,
}

/// What is to be said of a presented token.
#[derive(Debug, Clone)]
#[must_use]
pub enum SessionVerdict {
    /// The session lives and its user may act.
    Active(Box<(Session, User)>),
    /// Past its limit.
    Expired,
    /// Ended by itself, or with all of its user's.
    Revoked,
    /// No session has this token.
    NotFound,
    /// The user is disabled.
    UserDisabled,
}

impl Session {
    /// Applies a configured lifetime that is shorter than the one at creation: lower limits hold
    /// for live sessions at once, higher ones never do.
    #[must_use]
    pub fn limited_to(mut self, lifetime: Duration) -> Self {
        if let Some(limit) = TimeDelta::from_std(lifetime)
            .ok()
            .and_then(|by| self.created_at.checked_add_signed(by))
        {
            self.expires_at = self.expires_at.min(limit);
        }
        self
    }
}

impl SessionVerdict {
    /// Judges a stored session and its user against a presented secret. Nothing is told of a
    /// session before the secret is right: its id is public.
    pub fn of(session: Session, user: User, presented: SecretHash, now: Instant) -> Self {
        if session.secret_hash != presented {
            Self::NotFound
        } else if user.status == UserStatus::Disabled {
            Self::UserDisabled
        } else if session.revoked_at.is_some() || session.epoch != user.session_epoch {
            Self::Revoked
        } else if session.expires_at <= now {
            Self::Expired
        } else {
            Self::Active(Box::new((session, user)))
        }
    }
}
