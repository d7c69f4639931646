//! The reference: what the service must know, in plain Rust and without a line of its code. What has
//! no place here has its rule in no other test's place either: limits, reasons and events are those
//! of the documentation.

mod account;
mod ends;
mod mail;
mod sessions;
mod tokens;
mod users;

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use chrono::{DateTime, Utc};
use vestibule::proto::v1::EventKind;

pub(super) use mail::{Purpose, SentMail};
pub(super) use sessions::Verdict;
pub(super) use tokens::{Knows, OneTime};
pub(super) use users::{Edit, Ends, Import};

use mail::Asked;

pub(super) type Timestamp = DateTime<Utc>;
/// The reason of a refusal.
pub(super) type Reason = &'static str;

const HOUR: Duration = Duration::from_hours(1);
/// How long a session may end others after a proof of the password.
const RECENT: Duration = Duration::from_mins(10);
/// From creation to the end of a session.
pub(super) const LIFETIME: Duration = Duration::from_hours(30 * 24);
/// From when a session was last seen to its end.
pub(super) const IDLE: Duration = Duration::from_hours(14 * 24);
/// How many sessions of a user live.
pub(super) const PER_USER: usize = 3;
/// How long sessions that ended are known.
const KEPT: Duration = Duration::from_hours(7 * 24);
/// How long a secret that was replaced is good.
const GRACE: Duration = Duration::from_secs(30);
/// How long a registration is known by its id.
const RETRY: Duration = Duration::from_hours(24);

#[derive(Debug, Default)]
pub(super) struct User {
    /// Learned from the answer that tells it.
    pub(super) id: String,
    pub(super) email: String,
    /// Empty: none.
    pub(super) password: String,
    pub(super) disabled: bool,
    pub(super) erased: bool,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) verified: Option<Timestamp>,
    /// Raised by every change that callers can see.
    pub(super) version: usize,
    /// Learned: what each version was told by.
    pub(super) etags: HashMap<usize, String>,
    pub(super) request_id: Option<String>,
    /// How often what happened.
    pub(super) events: BTreeMap<EventKind, i64>,
}

#[derive(Debug)]
pub(super) struct Session {
    pub(super) id: String,
    pub(super) user: usize,
    pub(super) by_caller: bool,
    pub(super) created: Timestamp,
    pub(super) seen: Timestamp,
    /// When the password was proven last.
    pub(super) proven: Timestamp,
    /// When it ended all others last.
    ended_others: Option<Timestamp>,
    /// Until when it has paid for the single ones that it ended.
    paid: Timestamp,
    ended: Option<Ended>,
    /// Wrong passwords that were tried with it, in a row.
    wrong: u32,
    /// How often it outlived the others of its user, which ends the grace of its old secrets.
    outlived: usize,
    /// Purged, or erased with its user.
    pub(super) gone: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Alone(Timestamp),
    WithOthers,
}

/// A token of a session.
#[derive(Debug)]
pub(super) struct Secret {
    pub(super) text: String,
    pub(super) session: usize,
    replaced: Option<Replaced>,
}

#[derive(Debug, Clone, Copy)]
struct Replaced {
    at: Timestamp,
    outlived: usize,
    by: usize,
}

/// Everything.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) now: Timestamp,
    pub(super) users: Vec<User>,
    pub(super) sessions: Vec<Session>,
    pub(super) secrets: Vec<Secret>,
    pub(super) tokens: Vec<OneTime>,
    /// When which address was last mailed what for, and who asked: nobody, or a user.
    asked: HashMap<(String, Purpose, Option<usize>), Asked>,
    /// What is to arrive.
    pub(super) sent_mails: Vec<SentMail>,
}

impl State {
    pub(super) fn at(now: Timestamp) -> Self {
        Self {
            now,
            ..Self::default()
        }
    }

    /// When what has a limit reaches it, the soonest first; nothing that is a second away or less.
    pub(super) fn limits(&self) -> Vec<Timestamp> {
        let sessions = self.sessions.iter().filter(|session| !session.gone);
        let mut limits: Vec<_> = sessions
            .flat_map(|session| {
                [
                    session.idle_limit(),
                    session.limit(),
                    session.proven + RECENT,
                ]
            })
            .collect();
        let replaced = self.secrets.iter().filter_map(|secret| secret.replaced);
        limits.extend(replaced.map(|replaced| replaced.at + GRACE));
        let registered = self.users.iter().filter(|user| user.request_id.is_some());
        limits.extend(registered.map(|user| user.created + RETRY));
        let tokens = self.tokens.iter().filter(|token| !token.used);
        limits.extend(tokens.map(|token| token.expires));
        limits.extend(self.asked.values().flat_map(Asked::limits));
        limits.retain(|limit| *limit > self.now + Duration::from_secs(2));
        limits.sort_unstable();
        limits
    }

    /// Forgets what is past its keeping.
    pub(super) fn purge(&mut self) {
        let ended_before = self.now - KEPT;
        for session in &mut self.sessions {
            let revoked = matches!(session.ended, Some(Ended::Alone(at)) if at < ended_before);
            session.gone |= revoked || session.limit() < ended_before;
        }
        for user in &mut self.users {
            if user.created < self.now - RETRY {
                user.request_id = None;
            }
        }
    }
}
