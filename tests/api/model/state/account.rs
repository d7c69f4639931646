//! What users of the reference do with their own account.

use std::time::Duration;

use vestibule::proto::v1::EventKind;

use super::{Purpose, RECENT, Reason, State, ends::Event, users::is_weak};

/// The least time between two ends of all others by one session.
const SPACING: Duration = Duration::from_mins(1);
/// What the end of a single other one costs of it.
const COST: Duration = Duration::from_secs(6);

impl State {
    /// Ends a session of the user whose session asks; another user's is left alone.
    pub(in super::super) fn end_by_id(
        &mut self,
        secret: Option<usize>,
        ended: Option<usize>,
    ) -> Result<(), Reason> {
        let asks = self.live(secret)?;
        if ended == Some(asks) {
            self.end_alone(asks, EventKind::SessionRevoked);
            return Ok(());
        }
        self.require_recent_proof(asks)?;
        let user = self.sessions[asks].user;
        let own = |at: &usize| self.sessions[*at].user == user && self.is_live(*at);
        let Some(ended) = ended.filter(own) else {
            return Ok(());
        };
        let paid = self.sessions[asks].paid.max(self.now) + COST;
        if paid > self.now + SPACING {
            return Err("RATE_LIMITED");
        }
        self.sessions[asks].paid = paid;
        self.end_alone(ended, EventKind::SessionRevoked);
        self.end_requests(user, Event::SessionEnded(ended), "");
        Ok(())
    }

    /// Ends the other sessions of the user whose session asks, and what others than it asked for.
    pub(in super::super) fn end_others(&mut self, secret: Option<usize>) -> Result<(), Reason> {
        let kept = self.live(secret)?;
        self.require_recent_proof(kept)?;
        let user = self.sessions[kept].user;
        let other = |at: &usize| *at != kept && self.sessions[*at].user == user;
        let mut others = (0..self.sessions.len()).filter(other);
        let event = Event::OthersEnded(kept);
        if !others.any(|at| self.is_live(at)) && !self.has_requests(user, event) {
            return Ok(());
        }
        let last = self.sessions[kept].ended_others;
        if last.is_some_and(|last| self.now < last + SPACING) {
            return Err("RATE_LIMITED");
        }
        self.sessions[kept].ended_others = Some(self.now);
        self.changed(user);
        self.end_all(user, |at, _| at == kept);
        self.end_requests(user, event, "");
        self.happened(user, EventKind::SessionsRevoked);
        Ok(())
    }

    fn require_recent_proof(&self, session: usize) -> Result<(), Reason> {
        let is_recent = self.now < self.sessions[session].proven + RECENT;
        is_recent.then_some(()).ok_or("REAUTHENTICATION_REQUIRED")
    }

    /// The password is proven again.
    pub(in super::super) fn reauthenticate(
        &mut self,
        secret: Option<usize>,
        password: &str,
    ) -> Result<usize, Reason> {
        let session = self.live(secret)?;
        self.prove(session, password)?;
        self.sessions[session].wrong = 0;
        self.sessions[session].proven = self.now;
        self.happened(self.sessions[session].user, EventKind::LoginSucceeded);
        Ok(session)
    }

    /// Sets a new password, which ends the other sessions and all tokens.
    pub(in super::super) fn change_password(
        &mut self,
        secret: Option<usize>,
        current: &str,
        new: &str,
    ) -> Result<(), Reason> {
        if is_weak(new) {
            return Err("INVALID_INPUT");
        }
        let kept = self.live(secret)?;
        let user = self.sessions[kept].user;
        if new.eq_ignore_ascii_case(&self.users[user].email) {
            return Err("INVALID_INPUT");
        }
        self.prove(kept, current)?;
        self.sessions[kept].wrong = 0;
        new.clone_into(&mut self.users[user].password);
        self.changed(user);
        self.end_all(user, |at, _| at == kept);
        self.end_requests(user, Event::Credentials, "");
        self.happened(user, EventKind::PasswordChanged);
        self.notify(user, Purpose::PasswordChanged);
        Ok(())
    }

    /// Erases the user whose session and password these are.
    pub(in super::super) fn close(
        &mut self,
        secret: Option<usize>,
        password: &str,
    ) -> Result<(), Reason> {
        let session = self.live(secret)?;
        self.prove(session, password)?;
        self.erase(self.sessions[session].user);
        Ok(())
    }
}
