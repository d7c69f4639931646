//! Mail of the reference: who gets what, and how often.

use std::time::Duration;

use vestibule::proto::v1::EventKind;

use super::{HOUR, Reason, State, Timestamp};

const SPACING: Duration = Duration::from_mins(1);
/// How many of a kind an address gets in an hour.
const MOST: u32 = 5;

/// What a mail is for, and a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in super::super) enum Purpose {
    Reset,
    Verification,
    Change,
    ChangeRequested,
    Changed,
}

/// That an address was mailed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    at: Timestamp,
    count: u32,
    /// Who asked, where it was not anybody.
    pub(super) by: Option<usize>,
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
    pub(super) fn limits(&self) -> [Timestamp; 2] {
        [self.at + SPACING, self.at + HOUR]
    }
}

impl State {
    /// Anybody asks for a token to be mailed to whoever has the address.
    pub(in super::super) fn ask(&mut self, email: &str, purpose: Purpose) {
        let (subject, kind) = match purpose {
            Purpose::Reset => ("Reset your password", EventKind::PasswordResetRequested),
            _ => (
                "Confirm your e-mail address",
                EventKind::EmailVerificationRequested,
            ),
        };
        let user = self.find(email);
        if !self.may_mail(email, purpose, None) {
            return;
        }
        if let Some(user) = user.filter(|user| !self.users[*user].disabled) {
            self.happened(user, kind);
            let token = self.issue(user, purpose, None, true);
            let to = self.users[user].email.clone();
            self.post(to, subject, Some(token));
        }
    }

    /// A user asks for another address.
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
        let current = self.users[user].email.clone();
        if self.may_mail(new, Purpose::Change, Some(user)) {
            self.happened(user, EventKind::EmailChangeRequested);
            match self.find(new).filter(|owner| *owner != user) {
                Some(owner) if self.users[owner].disabled => {}
                Some(owner) => {
                    let subject = "Your e-mail address was entered for another account";
                    self.post(self.users[owner].email.clone(), subject, None);
                }
                None => {
                    let token = self.issue(user, Purpose::Change, Some(new.to_owned()), true);
                    let subject = "Confirm your new e-mail address";
                    self.post(new.to_owned(), subject, Some(token));
                }
            }
        }
        let subject = "Your e-mail address is about to change";
        self.notify(user, current, Purpose::ChangeRequested, subject);
        Ok(())
    }

    /// Tells an address of a user something.
    pub(super) fn notify(
        &mut self,
        user: usize,
        to: String,
        purpose: Purpose,
        subject: &'static str,
    ) {
        if self.may_mail(&to, purpose, Some(user)) {
            self.post(to, subject, None);
        }
    }

    fn post(&mut self, to: String, subject: &'static str, token: Option<usize>) {
        self.sent_mails.push(SentMail { to, subject, token });
    }

    /// Whether an address is mailed again. One request too many changes nothing.
    fn may_mail(&mut self, email: &str, purpose: Purpose, by: Option<usize>) -> bool {
        let (now, key) = (self.now, (email.to_lowercase(), purpose));
        let count = match self.asked.get(&key) {
            None => 1,
            Some(asked) if asked.at + HOUR <= now => 1,
            Some(asked) if asked.at + SPACING <= now && asked.count < MOST => asked.count + 1,
            Some(_) => return false,
        };
        self.asked.insert(key, Asked { at: now, count, by });
        true
    }
}
