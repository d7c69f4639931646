//! The use cases: what Vestibule does for a caller, in the order in which it must be done.

mod account;
mod callers;
mod context;
mod decoys;
mod delivery;
mod entropy;
mod error;
mod events;
mod import;
mod last_seen;
mod login;
mod mail;
mod one_time_token;
mod outcomes;
mod own_sessions;
mod purge;
mod redemption;
mod register;
mod rotation;
mod session;
mod token_lookup;
mod users;

use std::{sync::Arc, time::Duration};

use tokio_util::task::TaskTracker;

pub use account::{OwnerProof, PasswordChange};
pub use callers::{CallerError, CallerProof, Callers};
pub use context::CallContext;
pub use error::AuthError;
pub use import::{Import, RawUser, RowFault};
pub use login::{Credentials, LoginVerdict};
pub use mail::{MailMetrics, MailSettings};
pub use one_time_token::TokenDelivery;
pub use outcomes::OutcomeMetrics;
pub use own_sessions::OwnSessions;
pub use redemption::PasswordReset;
pub use register::Registration;
pub use rotation::RotatedSession;
pub use session::NewSession;
pub use users::{EndedSessions, Kept, NewPasswordReset, UserExport, Users};

use crate::{
    db::Db,
    domain::{Clock, PasswordPolicy, SessionLimits},
    hashing::Hasher,
    mail::Mailer,
};
use last_seen::LastSeen;
use mail::Outbox;
use outcomes::Outcomes;

/// What the use cases are set to.
#[derive(Debug, Clone, Copy)]
pub struct AuthSettings {
    /// What a new password must have.
    pub password: PasswordPolicy,
    /// How long sessions live, and how many of one user's.
    pub session_limits: SessionLimits,
    /// How often it is written down when sessions were last seen.
    pub last_seen_interval: Duration,
    /// How long an ended session is kept so that REVOKED and EXPIRED can be told.
    pub keep_ended: Duration,
    /// How long an event is kept.
    pub keep_events: Duration,
    /// How long the address and user agent in an event are kept.
    pub keep_addresses: Duration,
    /// Mail with tokens.
    pub mail: MailSettings,
}

/// The use cases; clones share the same engine and database.
#[derive(Clone)]
pub struct Auth {
    db: Db,
    hasher: Hasher,
    outbox: Arc<Outbox>,
    clock: Clock,
    settings: AuthSettings,
    /// What is not yet in `events`.
    outcomes: Arc<Outcomes>,
    last_seen: Arc<LastSeen>,
    /// Rehashes that go on after their answer; the drain awaits them.
    background: TaskTracker,
}

impl Auth {
    /// Joins the layers below.
    pub fn new(
        db: Db,
        hasher: Hasher,
        mailer: Mailer,
        clock: Clock,
        settings: AuthSettings,
    ) -> Self {
        Self {
            db,
            hasher,
            outbox: Arc::new(Outbox::new(mailer)),
            clock,
            last_seen: Arc::new(LastSeen::new(settings.last_seen_interval)),
            settings,
            outcomes: Arc::default(),
            background: TaskTracker::new(),
        }
    }

    /// Waits for rehashes that go on after their answers. No more are awaited once this returned.
    pub async fn finish_background(&self) {
        self.background.close();
        self.background.wait().await;
    }

    /// The users, for whoever may act on them by name.
    pub fn users(&self) -> Users {
        Users::new(self.db.clone(), self.clock.clone())
    }

    /// What a new password must have, for whoever parses one.
    pub fn password_policy(&self) -> PasswordPolicy {
        self.settings.password
    }
}
