//! The session: the lasting result of a login, and the one rule that decides whether it is live.
//!
//! A user and each of their sessions have an epoch, and a session is live only while the two are
//! equal: raising the user's epoch ends every session by one write. A login takes the epoch that
//! the user had before the password was verified, so what was changed meanwhile shows.

use std::time::Duration;

use chrono::TimeDelta;

use super::{ClientInfo, SecretHash, SessionId, Timestamp, User, UserId, UserStatus};

/// One row of `sessions`.
#[derive(Debug, Clone)]
pub struct Session {
    pub id: SessionId,
    /// The user who logged in.
    pub user_id: UserId,
    /// SHA-256 of the token's secret.
    pub secret_hash: SecretHash,
    /// The user's `session_epoch` before the password was verified, or the present one where the
    /// session was kept when the others ended.
    pub epoch: i64,
    /// When the session was opened.
    pub created_at: Timestamp,
    /// When the user proved who they are; taken before the verification.
    pub authenticated_at: Timestamp,
    /// How the user proved who they are.
    pub method: AuthenticationMethod,
    /// When the session was last found active. Written in batches, so it may be older than the
    /// truth, and it never decreases.
    pub last_seen_at: Timestamp,
    /// The absolute limit, fixed when the session was opened.
    pub expires_at: Timestamp,
    /// When the session ends unless it is seen before. Equal to `expires_at` until limits are
    /// applied, and never later.
    pub idle_expires_at: Timestamp,
    /// When the session was ended, by itself.
    pub revoked_at: Option<Timestamp>,
    /// The client of the login.
    pub client: ClientInfo,
}

/// How a user proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthenticationMethod {
    Password,
    /// To a named caller, which opened the session for them.
    Caller,
}

/// The configured limits of sessions.
#[derive(Debug, Clone, Copy)]
pub struct SessionLimits {
    /// From the opening of a session to its end, however often it is seen.
    pub lifetime: Duration,
    /// From when a session was last seen to its end.
    pub idle: Duration,
    /// The most live sessions of a user. A further session ends the oldest.
    pub per_user: u64,
}

/// The result of checking a session token.
#[derive(Debug, Clone)]
#[must_use]
pub enum SessionVerdict {
    /// The session is live.
    Active(Box<(Session, User)>),
    /// The session is past one of its limits.
    Expired,
    /// The session was ended, by itself or with others of its user.
    Revoked,
    /// No stored session has this token.
    NotFound,
    /// The user of the session is disabled.
    UserDisabled,
}

impl Session {
    /// Applies the configured limits. A lifetime that was shortened since the session was opened
    /// holds at once; a lengthened one does not extend the session.
    #[must_use]
    pub fn limited_to(mut self, limits: SessionLimits) -> Self {
        self.expires_at = earlier(self.expires_at, self.created_at, limits.lifetime);
        self.idle_expires_at = earlier(self.expires_at, self.last_seen_at, limits.idle);
        self
    }
}

/// The earlier of `limit` and `start + duration`.
fn earlier(limit: Timestamp, start: Timestamp, duration: Duration) -> Timestamp {
    let end = TimeDelta::from_std(duration)
        .ok()
        .and_then(|duration| start.checked_add_signed(duration));
    end.map_or(limit, |end| end.min(limit))
}

impl SessionVerdict {
    /// The session and its user, where the session is live.
    pub fn active(self) -> Option<(Session, User)> {
        match self {
            Self::Active(active) => Some(*active),
            Self::Expired | Self::Revoked | Self::NotFound | Self::UserDisabled => None,
        }
    }

    /// The verdict on a session and its user. Only for a token whose secret was found right: the id
    /// is public, and a wrong secret gets `NotFound` whatever the state of the session.
    pub fn new(session: Session, user: User, now: Timestamp) -> Self {
        if user.status == UserStatus::Disabled {
            Self::UserDisabled
        } else if session.revoked_at.is_some() || session.epoch != user.session_epoch {
            Self::Revoked
        } else if session.idle_expires_at <= now {
            Self::Expired
        } else {
            Self::Active(Box::new((session, user)))
        }
    }
}
