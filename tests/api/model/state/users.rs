//! Users of the reference: who they are, what proves them, and how they change.

use vestibule::proto::v1::EventKind;

use super::{Purpose, RETRY, Reason, State, Timestamp, User, ends::Event};

/// What to write of a user.
#[derive(Debug)]
pub(in super::super) struct Edit {
    pub(in super::super) email: Option<String>,
    pub(in super::super) verified: Option<bool>,
    /// Which the user must have still.
    pub(in super::super) version: Option<usize>,
    /// It was told for no version.
    pub(in super::super) stale: bool,
}

/// Which sessions end.
#[derive(Debug, Clone, Copy)]
pub(in super::super) enum Ends {
    All,
    But(usize),
    One(usize),
    Before(Timestamp),
}

/// A user of another system.
#[derive(Debug)]
pub(in super::super) struct Import {
    /// Empty: a new one.
    pub(in super::super) id: String,
    pub(in super::super) email: String,
    pub(in super::super) password: String,
    pub(in super::super) disabled: bool,
    pub(in super::super) verified: bool,
    pub(in super::super) created: Timestamp,
}

impl State {
    /// The user who has an address, in any spelling.
    pub(in super::super) fn find(&self, email: &str) -> Option<usize> {
        let has = |user: &User| !user.erased && user.email.eq_ignore_ascii_case(email);
        self.users.iter().position(has)
    }

    /// Registers a user, who has no id yet, or finds the one whom an earlier try registered.
    pub(in super::super) fn register(
        &mut self,
        email: &str,
        password: &str,
        request_id: Option<String>,
    ) -> Result<usize, Reason> {
        if is_weak(password) || password.eq_ignore_ascii_case(email) {
            return Err("INVALID_INPUT");
        }
        let spent = |user: &User| !user.erased && user.request_id == request_id;
        let is_used = request_id.is_some() && self.users.iter().any(spent);
        match self.find(email) {
            None if is_used => Err("REQUEST_ID_REUSED"),
            None if self.is_kept(email, None) => Err("EMAIL_TAKEN"),
            None => {
                let user = User {
                    email: email.to_owned(),
                    password: password.to_owned(),
                    request_id,
                    created: self.now,
                    updated: self.now,
                    ..User::default()
                };
                Ok(self.add(user, EventKind::UserRegistered))
            }
            Some(_) if request_id.is_none() => Err("EMAIL_TAKEN"),
            Some(at) => {
                let user = &self.users[at];
                let is_recent = self.now < user.created + RETRY;
                if user.request_id != request_id || !is_recent || user.disabled {
                    Err("EMAIL_TAKEN")
                } else if user.password == password {
                    Ok(at)
                } else {
                    Err("REQUEST_ID_REUSED")
                }
            }
        }
    }

    /// Whose password this is, if they may log in.
    pub(in super::super) fn log_in(&mut self, email: &str, password: &str) -> Option<usize> {
        let user = self.find(email)?;
        let may = !self.users[user].disabled && self.users[user].password == password;
        if !may {
            self.happened(user, EventKind::LoginFailed);
        }
        may.then_some(user)
    }

    /// Something happened to a user.
    pub(in super::super) fn happened(&mut self, user: usize, kind: EventKind) {
        *self.users[user].events.entry(kind).or_default() += 1;
    }

    /// Disables a user, or lets them in again; what is so already is left alone.
    pub(in super::super) fn set_disabled(&mut self, user: usize, disabled: bool) {
        if self.users[user].disabled == disabled {
            return;
        }
        self.users[user].disabled = disabled;
        self.changed(user);
        if disabled {
            self.end_all(user, |_, _| false);
            self.end_requests(user, Event::Everything, "");
            self.happened(user, EventKind::UserDisabled);
        } else {
            self.happened(user, EventKind::UserEnabled);
        }
    }

    /// Writes fields of a user.
    pub(in super::super) fn edit(&mut self, user: usize, edit: &Edit) -> Result<usize, Reason> {
        let version = self.users[user].version;
        if edit.stale || edit.version.is_some_and(|expected| expected != version) {
            return Err("ETAG_MISMATCH");
        }
        let is_new = |email: &&String| !email.eq_ignore_ascii_case(&self.users[user].email);
        if let Some(email) = edit.email.as_ref().filter(is_new) {
            if self.find(email).is_some() || self.is_kept(email, Some(user)) {
                return Err("EMAIL_TAKEN");
            }
            let is_proven = edit.verified == Some(true);
            let old = self.move_to(user, email, is_proven, Event::Everything);
            self.happened(user, EventKind::EmailChanged);
            self.notify_at(&old, user, Purpose::Changed);
            self.notify(user, Purpose::Assigned);
            return Ok(user);
        }
        let spelling = edit.email.as_ref();
        if let Some(email) = spelling.filter(|email| **email != self.users[user].email) {
            email.clone_into(&mut self.users[user].email);
            self.changed(user);
        }
        match edit.verified {
            Some(true) if self.users[user].verified.is_none() => self.verify(user),
            Some(false) if self.users[user].verified.is_some() => {
                self.users[user].verified = None;
                self.changed(user);
            }
            _ => {}
        }
        Ok(user)
    }

    /// Ends sessions of a user, as a caller asks for it.
    pub(in super::super) fn end_sessions(&mut self, user: usize, ends: Ends) {
        match ends {
            Ends::One(at) => {
                let is_theirs = self.sessions.get(at).is_some_and(|one| one.user == user);
                if is_theirs && self.end_alone(at, EventKind::SessionRevoked) {
                    self.end_requests(user, Event::SessionEnded(at), "");
                }
                return;
            }
            Ends::All => {
                self.end_all(user, |_, _| false);
                self.end_requests(user, Event::Everything, "");
            }
            Ends::But(kept) => {
                self.end_all(user, |at, _| at == kept);
                self.end_requests(user, Event::OthersEnded(kept), "");
            }
            Ends::Before(instant) => {
                self.end_all(user, |_, one| one.proven >= instant);
                self.end_requests(user, Event::EndedBefore(instant), "");
            }
        }
        self.changed(user);
        self.happened(user, EventKind::SessionsRevoked);
    }

    /// Nothing stays but the id, which is never used again.
    pub(in super::super) fn erase(&mut self, user: usize) {
        self.happened(user, EventKind::UserDeleted);
        self.end_requests(user, Event::Everything, "");
        let sessions = self.sessions.iter_mut();
        for session in sessions.filter(|session| session.user == user) {
            session.gone = true;
        }
        let erased = &mut self.users[user];
        erased.erased = true;
        let key = erased.email.to_lowercase();
        self.asked
            .retain(|(address, _, by), _| *address != key && *by != Some(user));
    }

    /// Imports a user, or tells which fields are at fault.
    pub(in super::super) fn import(&mut self, row: &Import) -> Result<User, Vec<&'static str>> {
        let is_used = |user: &User| !row.id.is_empty() && user.id == row.id;
        let faults = [
            ("id", self.users.iter().any(is_used)),
            (
                "email",
                self.find(&row.email).is_some() || self.is_kept(&row.email, None),
            ),
        ];
        let faults = faults.iter().filter(|(_, is_fault)| *is_fault);
        let faults: Vec<_> = faults.map(|(field, _)| *field).collect();
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(User {
            id: row.id.clone(),
            email: row.email.clone(),
            password: row.password.clone(),
            disabled: row.disabled,
            verified: row.verified.then_some(self.now),
            created: row.created,
            updated: self.now,
            ..User::default()
        })
    }

    /// Adds a user; how they came is an event.
    pub(in super::super) fn add(&mut self, user: User, kind: EventKind) -> usize {
        self.users.push(user);
        let at = self.users.len() - 1;
        self.happened(at, kind);
        at
    }

    /// Another address, which ends all that was proven by the old one. The old one.
    pub(super) fn move_to(
        &mut self,
        user: usize,
        email: &str,
        proven: bool,
        event: Event<'_>,
    ) -> String {
        let old = std::mem::replace(&mut self.users[user].email, email.to_owned());
        self.users[user].verified = proven.then_some(self.now);
        self.changed(user);
        self.end_all(user, |_, _| false);
        self.end_requests(user, event, &old);
        old
    }

    /// Whoever reads the mail of an address that was never proven gets the account, without what it had.
    pub(in super::super) fn claim(&mut self, user: usize) {
        self.users[user].password.clear();
        self.users[user].verified = Some(self.now);
        self.changed(user);
        self.end_all(user, |_, _| false);
        self.end_requests(user, Event::Everything, "");
        self.happened(user, EventKind::EmailVerified);
    }

    /// The mailbox is the user's, which need not be proven again.
    pub(super) fn verify(&mut self, user: usize) {
        self.users[user].verified = Some(self.now);
        self.changed(user);
        self.end_requests(user, Event::Verified, "");
        self.happened(user, EventKind::EmailVerified);
    }

    /// Callers can see a change.
    pub(super) fn changed(&mut self, user: usize) {
        self.users[user].version += 1;
        self.users[user].updated = self.now;
    }
}

/// Whether nobody may set a password, whoever they are.
pub(super) fn is_weak(password: &str) -> bool {
    password.chars().count() < 8
}
