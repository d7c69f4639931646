//! Users of the reference: who they are, what proves them, and how they change.

use vestibule::proto::v1::EventKind;

use super::{RETRY, Reason, State, User};

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
        let used = |user: &User| !user.erased && user.request_id == request_id;
        let is_used = request_id.is_some() && self.users.iter().any(used);
        match self.find(email) {
            None if is_used => Err("REQUEST_ID_REUSED"),
            None => Ok(self.add(User {
                email: email.to_owned(),
                password: password.to_owned(),
                request_id,
                created: self.now,
                updated: self.now,
                ..User::default()
            })),
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

    fn add(&mut self, user: User) -> usize {
        self.users.push(user);
        let at = self.users.len() - 1;
        self.happened(at, EventKind::UserRegistered);
        at
    }
}

/// Whether nobody may set a password, whoever they are.
pub(super) fn is_weak(password: &str) -> bool {
    password.chars().count() < 8
}
