//! One-time tokens of the reference: what each is good for, once.

use std::time::Duration;

use vestibule::proto::v1::EventKind;

use super::{HOUR, Purpose, Reason, State, Timestamp, users::is_weak};

const MINUTES: Duration = Duration::from_mins(10);

#[derive(Debug)]
pub(in super::super) struct OneTime {
    /// Learned where it arrives.
    pub(in super::super) text: String,
    pub(in super::super) purpose: Purpose,
    pub(in super::super) user: usize,
    /// The user's address when it was issued.
    email: String,
    new_email: Option<String>,
    mailed: bool,
    pub(in super::super) expires: Timestamp,
    /// Redeemed, or ended with what it was issued for.
    pub(super) used: bool,
}

impl State {
    pub(in super::super) fn issue(
        &mut self,
        user: usize,
        purpose: Purpose,
        new_email: Option<String>,
        mailed: bool,
    ) -> usize {
        let lifetime = match purpose {
            Purpose::Reset => MINUTES,
            _ => HOUR * 24,
        };
        self.tokens.push(OneTime {
            text: String::new(),
            purpose,
            user,
            email: self.users[user].email.clone(),
            new_email,
            mailed,
            expires: self.now + lifetime,
            used: false,
        });
        self.tokens.len() - 1
    }

    /// Ends tokens of a user: of one purpose, or all.
    pub(super) fn void(&mut self, user: usize, purpose: Option<Purpose>) {
        let tokens = self.tokens.iter_mut().filter(|token| token.user == user);
        for token in tokens.filter(|token| purpose.is_none_or(|only| only == token.purpose)) {
            token.used = true;
        }
    }

    /// Sets a password with a token; who it is of when that is done.
    pub(in super::super) fn reset(
        &mut self,
        token: Option<usize>,
        new: &str,
    ) -> Result<(), Reason> {
        if is_weak(new) {
            return Err("INVALID_INPUT");
        }
        let token = self.redeemable(token, Purpose::Reset)?;
        let (user, mailed) = (self.tokens[token].user, self.tokens[token].mailed);
        if new.eq_ignore_ascii_case(&self.users[user].email) {
            return Err("INVALID_INPUT");
        }
        new.clone_into(&mut self.users[user].password);
        if mailed {
            self.users[user].verified = Some(self.now);
        }
        self.changed(user);
        self.end_all(user, |_, _| false);
        self.void(user, None);
        self.happened(user, EventKind::PasswordReset);
        Ok(())
    }

    /// Proves an address with a token.
    pub(in super::super) fn verify_by(&mut self, token: Option<usize>) -> Result<(), Reason> {
        let token = self.redeemable(token, Purpose::Verification)?;
        self.verify(self.tokens[token].user);
        Ok(())
    }

    /// Changes an address with a token. While another user has it, nothing is changed.
    pub(in super::super) fn confirm_change(&mut self, token: Option<usize>) -> Result<(), Reason> {
        let token = self.redeemable(token, Purpose::Change)?;
        let (user, new) = (self.tokens[token].user, &self.tokens[token].new_email);
        let new = new.clone().unwrap_or_default();
        if self.find(&new).is_some_and(|owner| owner != user) {
            return Err("TOKEN_INVALID");
        }
        let old = self.users[user].email.clone();
        self.move_to(user, &new, true);
        let subject = "Your e-mail address was changed";
        self.notify(user, old, Purpose::Changed, subject);
        Ok(())
    }

    fn redeemable(&self, token: Option<usize>, purpose: Purpose) -> Result<usize, Reason> {
        let fits = |at: &usize| self.tokens[*at].purpose == purpose && self.is_redeemable(*at);
        token.filter(fits).ok_or("TOKEN_INVALID")
    }

    /// Whether a token is good for its purpose.
    pub(in super::super) fn is_redeemable(&self, at: usize) -> bool {
        let token = &self.tokens[at];
        let user = &self.users[token.user];
        let lives = !token.used && token.expires > self.now;
        lives && !user.disabled && user.email.eq_ignore_ascii_case(&token.email)
    }
}
