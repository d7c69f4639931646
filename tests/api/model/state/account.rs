//! What users of the reference do with their own account.

use vestibule::proto::v1::EventKind;

use super::{Reason, State, users::is_weak};

impl State {
    /// Ends a session of the user whose session asks; another user's is left alone.
    pub(in super::super) fn end_by_id(
        &mut self,
        secret: Option<usize>,
        ended: Option<usize>,
    ) -> Result<(), Reason> {
        let asks = self.live(secret)?;
        let own = |at: &usize| self.sessions[*at].user == self.sessions[asks].user;
        if let Some(ended) = ended.filter(own) {
            self.end_alone(ended, EventKind::SessionRevoked);
        }
        Ok(())
    }

    /// Ends the other sessions of the user whose session asks.
    pub(in super::super) fn end_others(&mut self, secret: Option<usize>) -> Result<(), Reason> {
        let kept = self.live(secret)?;
        let user = self.sessions[kept].user;
        self.changed(user);
        self.end_all(user, |at, _| at == kept);
        self.happened(user, EventKind::SessionsRevoked);
        Ok(())
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
        self.void(user, None);
        self.happened(user, EventKind::PasswordChanged);
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
