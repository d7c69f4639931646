//! Mail of the reference: who gets what, and how often.

use std::time::Duration;

use vestibule::proto::v1::EventKind;

use super::{HOUR, Reason, State, Timestamp, ends::Event};

const SPACING: Duration = Duration::from_mins(1);
/// How many of a kind an address gets before the pause.
const MOST: u32 = 5;
const PAUSE: Duration = Duration::from_mins(15);

/// What a mail is for, and a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in super::super) enum Purpose {
    Reset,
    Verification,
    Change,
    ChangeRequested,
    Changed,
    Restore,
    Assigned,
    PasswordChanged,
    SessionOpened,
}

impl Purpose {
    /// How long a token is good, and mail is sent.
    pub(super) fn lifetime(self) -> Duration {
        match self {
            Self::Reset => Duration::from_mins(10),
            Self::Restore => HOUR * 24 * 7,
            _ => HOUR * 24,
        }
    }

    fn pause(self) -> Duration {
        PAUSE.min(self.lifetime())
    }

    fn subject(self) -> &'static str {
        match self {
            Self::Reset => "Reset your password",
            Self::Verification => "Confirm your e-mail address",
            Self::Change => "Confirm your new e-mail address",
            Self::ChangeRequested => "Your e-mail address is about to change",
            Self::Changed | Self::Restore => "Your e-mail address was changed",
            Self::Assigned => "This is your e-mail address now",
            Self::PasswordChanged => "Your password was changed",
            Self::SessionOpened => "You were signed in",
        }
    }
}

/// That an address was mailed, or is to be.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) at: Timestamp,
    count: u32,
    /// As it was given.
    to: String,
    pub(super) session: Option<usize>,
    /// When it is sent, while it waits.
    pub(super) next: Option<Timestamp>,
    /// It, or its token, was ended.
    pub(super) voided: bool,
}

/// A mail that is to arrive.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) struct SentMail {
    pub(in super::super) to: String,
    pub(in super::super) subject: &'static str,
    /// The token that is learned from it.
    pub(in super::super) token: Option<usize>,
}

impl Asked {
    pub(super) fn limits(&self) -> [Timestamp; 4] {
        let at = self.at;
        [at + SPACING, at + PAUSE, at + HOUR, self.next.unwrap_or(at)]
    }
}

impl State {
    /// Anybody asks for a token to be mailed to whoever has the address.
    pub(in super::super) fn ask(&mut self, email: &str, purpose: Purpose) {
        self.enqueue(email, purpose, None, None);
    }

    /// A user asks for another address, or for none.
    pub(in super::super) fn ask_for_change(
        &mut self,
        secret: Option<usize>,
        password: &str,
        new: &str,
    ) -> Result<(), Reason> {
        let session = self.live(secret)?;
        self.prove(session, password)?;
        self.sessions[session].wrong = 0;
        let user = self.sessions[session].user;
        if self.users[user].email == new {
            self.cancel(user);
            return Ok(());
        }
        self.enqueue(new, Purpose::Change, Some(user), Some(session));
        self.end_requests(user, Event::AskedForChange(new), "");
        self.notify(user, Purpose::ChangeRequested);
        Ok(())
    }

    pub(in super::super) fn cancel_change(&mut self, secret: Option<usize>) -> Result<(), Reason> {
        let session = self.live(secret)?;
        self.cancel(self.sessions[session].user);
        Ok(())
    }

    fn cancel(&mut self, user: usize) {
        if self.has_requests(user, Event::Cancelled) {
            self.end_requests(user, Event::Cancelled, "");
            self.happened(user, EventKind::EmailChangeCancelled);
        }
    }

    /// Tells a user something, at the address that they have.
    pub(in super::super) fn notify(&mut self, user: usize, purpose: Purpose) {
        let to = self.users[user].email.clone();
        self.enqueue(&to, purpose, Some(user), None);
    }

    /// Tells a user something at another address.
    pub(super) fn notify_at(&mut self, to: &str, user: usize, purpose: Purpose) {
        self.enqueue(to, purpose, Some(user), None);
    }

    /// One request too many changes nothing, unless the former mail was ended: then it is sent as soon
    /// as it may be.
    fn enqueue(&mut self, to: &str, purpose: Purpose, by: Option<usize>, session: Option<usize>) {
        let (now, key) = (self.now, (to.to_lowercase(), purpose, by));
        let (at, count) = match self.asked.get(&key) {
            None => (now, 1),
            Some(asked) => {
                let pause = if asked.count < MOST {
                    SPACING
                } else {
                    purpose.pause()
                };
                let earliest = asked.at.min(now) + pause;
                if now < earliest && !asked.voided {
                    return;
                }
                let count = if now >= asked.at + HOUR {
                    1
                } else {
                    asked.count + 1
                };
                (now.max(earliest), count)
            }
        };
        let asked = Asked {
            at,
            count,
            to: to.to_owned(),
            session,
            next: Some(at),
            voided: false,
        };
        self.asked.insert(key, asked);
    }

    /// How much mail waits, and how much of it is due.
    pub(in super::super) fn waiting(&self) -> (usize, usize) {
        let next = || self.asked.values().filter_map(|asked| asked.next);
        (
            next().count(),
            next().filter(|next| *next <= self.now).count(),
        )
    }

    /// Sends what is due.
    pub(in super::super) fn deliver(&mut self) {
        let due = |asked: &Asked| asked.next.is_some_and(|next| next <= self.now);
        let due = self.asked.iter().filter(|(_, asked)| due(asked));
        let due: Vec<_> = due
            .map(|(key, asked)| (key.clone(), asked.clone()))
            .collect();
        for (key, asked) in due {
            if let Some(row) = self.asked.get_mut(&key) {
                row.next = None;
            }
            let (address, purpose, by) = key;
            self.send(&address, purpose, by, &asked);
        }
    }

    fn send(&mut self, address: &str, purpose: Purpose, by: Option<usize>, asked: &Asked) {
        if self.now >= asked.at + purpose.lifetime() {
            return;
        }
        let user = by.or_else(|| self.find(address));
        let is_here = |user: &usize| !self.users[*user].disabled && !self.users[*user].erased;
        let Some(user) = user.filter(is_here) else {
            return;
        };
        let kind = match purpose {
            Purpose::Reset => Some(EventKind::PasswordResetRequested),
            Purpose::Verification => Some(EventKind::EmailVerificationRequested),
            Purpose::Change => Some(EventKind::EmailChangeRequested),
            _ => None,
        };
        if let Some(kind) = kind {
            self.happened(user, kind);
        }
        let subject = purpose.subject();
        let (to, new) = match purpose {
            Purpose::Reset | Purpose::Verification => (self.users[user].email.clone(), None),
            Purpose::Change | Purpose::Restore => (asked.to.clone(), Some(asked.to.clone())),
            _ => return self.post(asked.to.clone(), subject, None),
        };
        let owner = self.find(address).filter(|owner| *owner != user);
        if let Some(owner) = owner.filter(|_| purpose == Purpose::Change) {
            if !self.users[owner].disabled {
                let subject = "Your e-mail address was entered for another account";
                self.post(self.users[owner].email.clone(), subject, None);
            }
            return;
        }
        self.end_requests(user, Event::Mailed(purpose, address), "");
        let token = self.issue(user, purpose, new, asked.session);
        if purpose == Purpose::Restore {
            self.tokens[token].created = asked.at;
        }
        self.post(to, subject, Some(token));
    }

    fn post(&mut self, to: String, subject: &'static str, token: Option<usize>) {
        self.sent_mails.push(SentMail { to, subject, token });
    }
}
