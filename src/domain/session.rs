//! The session: a login that lasts, and the one rule that says whether it still does.

use std::time::Duration;

use chrono::TimeDelta;

use super::{ClientInfo, SecretHash, SessionId, Timestamp, User, UserId, UserStatus};

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
    pub created_at: Timestamp,
    /// When the user last proved who they are; taken before verification.
    pub authenticated_at: Timestamp,
    /// How they did.
    pub method: AuthenticationMethod,
    /// When the session was last found active, as far as it is written down: that happens in
    /// batches. It only grows.
    pub last_seen_at: Timestamp,
    /// The absolute limit, fixed at creation.
    pub expires_at: Timestamp,
    /// When the session ends unless it is seen before; never later than `expires_at`, which it is
    /// until limits are applied.
    pub idle_expires_at: Timestamp,
    /// When it was ended, if it was.
    pub revoked_at: Option<Timestamp>,
    /// The client that logged in.
    pub client: ClientInfo,
}

/// How a user proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthenticationMethod {
    /// By the password.
    Password,
    /// To a named caller, which vouched for it.
    Caller,
}

/// How long sessions live, and how many of one user's.
#[derive(Debug, Clone, Copy)]
pub struct SessionLimits {
    /// From creation, however often they are seen.
    pub lifetime: Duration,
    /// From when they were last seen.
    pub idle: Duration,
    /// How many of a user's live at once; the oldest ends for one more.
    pub per_user: u64,
}

/// What is to be said of a presented token.
#[derive(Debug, Clone)]
#[must_use]
pub enum SessionVerdict {
    /// The session lives and its user may act.
    Active(Box<(Session, User)>),
    /// Past one of its limits.
    Expired,
    /// Ended by itself, or with all of its user's.
    Revoked,
    /// No session has this token.
    NotFound,
    /// The user is disabled.
    UserDisabled,
}

impl Session {
    /// Applies the configured limits. A lifetime that is shorter than the one at creation holds for
    /// live sessions at once, a longer one never does.
    #[must_use]
    pub fn limited_to(mut self, limits: SessionLimits) -> Self {
        self.expires_at = earlier(self.expires_at, self.created_at, limits.lifetime);
        self.idle_expires_at = earlier(self.expires_at, self.last_seen_at, limits.idle);
        self
    }
}

/// A limit, or what lies so long after an instant, whichever comes first.
fn earlier(limit: Timestamp, from: Timestamp, by: Duration) -> Timestamp {
    let other = TimeDelta::from_std(by)
        .ok()
        .and_then(|by| from.checked_add_signed(by));
    other.map_or(limit, |other| other.min(limit))
}

impl SessionVerdict {
    /// The session and its user, where the session lives.
    pub fn active(self) -> Option<(Session, User)> {
        match self {
            Self::Active(active) => Some(*active),
            Self::Expired | Self::Revoked | Self::NotFound | Self::UserDisabled => None,
        }
    }

    /// Judges a session and its user, once the secret was found right: its id is public, and nothing
    /// is told of it before.
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
