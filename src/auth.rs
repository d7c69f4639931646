//! The use cases: each method does what one call asks for, in the order that keeps it safe.
//!
//! They are sorted by who acts. What users do themselves, proven by a password, a session or a
//! one-time token, is on [`Auth`]; what named callers and operators do to other users is on
//! [`Users`]. `Auth` also has the periodic work, which `server` starts.
//!
//! Every method that asks the database or the hash queue can fail because they are full or away, or
//! because the deadline passed. The section of errors of a method names what else can fail.

mod account;
mod breached;
mod callers;
mod context;
mod decoys;
mod delivery;
mod entropy;
mod error;
mod events;
mod guessable;
mod import;
mod issuer;
mod last_seen;
mod login;
mod mail;
mod outcomes;
mod own_sessions;
mod purge;
mod redemption;
mod register;
mod rotation;
mod session;
mod throttle;
mod token_lookup;
mod users;

use std::{sync::Arc, time::Duration};

use tokio_util::task::TaskTracker;

pub use account::{OwnerProof, PasswordChange};
pub use breached::{
    BreachedFault, BreachedPasswords, BuildError, Built, PasswordRules, build as build_breached,
};
pub use callers::{CallerError, CallerProof, Callers};
pub use context::CallContext;
pub use error::{AuthError, ProofFault};
pub use import::{Import, RawUser, RowFault};
pub use issuer::{Issuer, NewSession, NewToken};
pub use login::{Credentials, LoginVerdict};
pub use mail::{MailMetrics, MailSettings, VerificationProof};
pub use outcomes::OutcomeMetrics;
pub use own_sessions::OwnSessions;
pub use redemption::{EmailRestore, EmailVerification, KnowsAccount, PasswordReset};
pub use register::Registration;
pub use rotation::RotatedSession;
pub use throttle::ThrottleMetrics;
pub use users::{ExportedItem, SessionToOpen, SessionsToEnd, Unverified, UserExport, Users};

use crate::{
    db::Db,
    domain::{Clock, PasswordPolicy, SessionLimits, ThrottlePolicy},
    hashing::Hasher,
    mail::Mailer,
};
use last_seen::LastSeen;
use mail::Outbox;
use outcomes::Outcomes;
use throttle::Throttle;

/// Settings of the use cases.
#[derive(Debug, Clone)]
pub struct AuthSettings {
    /// The policy for new passwords.
    pub password: PasswordPolicy,
    /// Passwords that are known from breaches, which nobody may set; `None`: nothing is known of them.
    pub breached: Option<Arc<BreachedPasswords>>,
    /// How long sessions live, and how many of them a user has.
    pub session_limits: SessionLimits,
    /// How long after a proof of the password a session may end others.
    pub reauthentication: Duration,
    /// The interval between the writes of when sessions were last seen.
    pub last_seen_interval: Duration,
    /// How long an ended session is kept; a session that was deleted is answered as `NOT_FOUND`,
    /// and no longer as REVOKED or EXPIRED.
    pub keep_ended: Duration,
    /// How long an event is kept.
    pub keep_events: Duration,
    /// How long the IP address and user agent of an event are kept.
    pub keep_addresses: Duration,
    /// Lifetimes of mailed tokens, and how much mail may wait.
    pub mail: MailSettings,
    /// How failures slow down further tries; `None`: not at all.
    pub throttle: Option<ThrottlePolicy>,
}

/// The use cases of users. Clones share the hashing engine, the database and the batches in memory.
#[derive(Clone)]
pub struct Auth {
    db: Db,
    hasher: Hasher,
    issuer: Issuer,
    outbox: Arc<Outbox>,
    clock: Clock,
    settings: AuthSettings,
    outcomes: Arc<Outcomes>,
    throttle: Arc<Throttle>,
    last_seen: Arc<LastSeen>,
    /// Rehashes that run after the answer of their login; the drain awaits them.
    background: TaskTracker,
}

impl Auth {
    /// The use cases over the layers below.
    pub fn new(
        db: Db,
        hasher: Hasher,
        mailer: Mailer,
        clock: Clock,
        settings: AuthSettings,
    ) -> Self {
        let issuer = Issuer {
            db: db.clone(),
            clock: clock.clone(),
            session_limits: settings.session_limits,
            mail: settings.mail,
        };
        Self {
            db,
            hasher,
            issuer,
            outbox: Arc::new(Outbox::new(mailer)),
            clock,
            last_seen: Arc::new(LastSeen::new(settings.last_seen_interval)),
            throttle: Arc::new(Throttle::new(settings.throttle)),
            settings,
            outcomes: Arc::default(),
            background: TaskTracker::new(),
        }
    }

    /// Waits for the rehashes that run after the answers of their logins. To be called when no call
    /// can start another.
    pub async fn finish_background(&self) {
        self.background.close();
        self.background.wait().await;
    }

    /// The use cases of named callers.
    pub fn users(&self) -> Users<Issuer> {
        let (db, clock) = (self.db.clone(), self.clock.clone());
        Users::with_issuer(db, clock, self.issuer.clone())
    }

    /// The policy by which new passwords are parsed.
    pub fn password_policy(&self) -> PasswordPolicy {
        self.settings.password
    }

    /// All that a new password is held to.
    pub fn password_rules(&self) -> PasswordRules<'_> {
        PasswordRules {
            policy: self.settings.password,
            breached: self.settings.breached.as_deref(),
        }
    }
}
