//! One-time tokens of the reference: what each is good for, once.

use vestibule::proto::v1::EventKind;

use super::{Purpose, Reason, State, Timestamp, ends::Event, users::is_weak};

#[derive(Debug)]
pub(in super::super) struct OneTime {
    /// Learned where it arrives. Empty: it only keeps an address.
    pub(in super::super) text: String,
    pub(in super::super) purpose: Purpose,
    pub(in super::super) user: usize,
    /// The session that asked.
    pub(super) session: Option<usize>,
    /// The user's address when it was issued.
    email: String,
    pub(in super::super) new_email: Option<String>,
    pub(in super::super) mailed: bool,
    pub(super) created: Timestamp,
    pub(in super::super) expires: Timestamp,
    /// Redeemed, or ended with what it was issued for.
    pub(super) used: bool,
}

/// What is presented besides the token of a verification.
#[derive(Debug)]
pub(in super::super) enum Knows {
    Nothing,
    /// A session, by its secret.
    Session(Option<usize>),
    Password(String),
}

impl State {
    pub(in super::super) fn issue(
        &mut self,
        user: usize,
        purpose: Purpose,
        new_email: Option<String>,
        session: Option<usize>,
    ) -> usize {
        self.tokens.push(OneTime {
            text: String::new(),
            purpose,
            user,
            session,
            email: self.users[user].email.clone(),
            new_email,
            mailed: true,
            created: self.now,
            expires: self.now + purpose.lifetime(),
            used: false,
        });
        self.tokens.len() - 1
    }

    /// A token that a caller brings ends the others, and the mail that would bring one.
    pub(in super::super) fn make_reset(&mut self, user: usize) -> usize {
        self.happened(user, EventKind::PasswordResetCreated);
        self.end_requests(user, Event::MadeForCaller, "");
        let token = self.issue(user, Purpose::Reset, None, None);
        self.tokens[token].mailed = false;
        token
    }

    /// Whether an address is kept for another user, who had it.
    pub(super) fn is_kept(&self, email: &str, user: Option<usize>) -> bool {
        self.tokens.iter().any(|token| {
            let new = token.new_email.as_deref().unwrap_or_default();
            token.purpose == Purpose::Restore
                && !token.used
                && token.expires > self.now
                && Some(token.user) != user
                && new.eq_ignore_ascii_case(email)
        })
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
        self.end_requests(user, Event::Credentials, "");
        self.happened(user, EventKind::PasswordReset);
        self.notify(user, Purpose::PasswordChanged);
        Ok(())
    }

    /// Proves an address with a token, by somebody who knows the account.
    pub(in super::super) fn verify_by(
        &mut self,
        token: Option<usize>,
        knows: Knows,
    ) -> Result<(), Reason> {
        let token = self.redeemable(token, Purpose::Verification)?;
        let user = self.tokens[token].user;
        match knows {
            Knows::Nothing => return Err("PROOF_REQUIRED"),
            Knows::Session(secret) => {
                let session = self.live(secret)?;
                if self.sessions[session].user != user {
                    return Err("SESSION_INVALID");
                }
            }
            Knows::Password(password) => {
                if self.users[user].password != password {
                    self.happened(user, EventKind::LoginFailed);
                    return Err("BAD_CREDENTIALS");
                }
            }
        }
        self.verify(user);
        Ok(())
    }

    /// Gives a user a former address again, and a password.
    pub(in super::super) fn restore(
        &mut self,
        token: Option<usize>,
        new: &str,
    ) -> Result<(), Reason> {
        if is_weak(new) {
            return Err("INVALID_INPUT");
        }
        let token = self.redeemable(token, Purpose::Restore)?;
        let user = self.tokens[token].user;
        let email = self.tokens[token].new_email.clone().unwrap_or_default();
        if new.eq_ignore_ascii_case(&email) {
            return Err("INVALID_INPUT");
        }
        new.clone_into(&mut self.users[user].password);
        let event = Event::Restored(self.tokens[token].created);
        let replaced = self.move_to(user, &email, true, event);
        self.happened(user, EventKind::EmailRestored);
        self.notify_at(&replaced, user, Purpose::Changed);
        Ok(())
    }

    /// Changes an address with a token. While another user has it, nothing is changed.
    pub(in super::super) fn confirm_change(&mut self, token: Option<usize>) -> Result<(), Reason> {
        let token = self.redeemable(token, Purpose::Change)?;
        let (user, new) = (self.tokens[token].user, &self.tokens[token].new_email);
        let new = new.clone().unwrap_or_default();
        if self.find(&new).is_some_and(|owner| owner != user) || self.is_kept(&new, Some(user)) {
            return Err("TOKEN_INVALID");
        }
        let was_verified = self.users[user].verified.is_some();
        let old = self.move_to(user, &new, true, Event::Credentials);
        self.happened(user, EventKind::EmailChanged);
        if was_verified {
            let kept = self.issue(user, Purpose::Restore, Some(old.clone()), None);
            old.clone_into(&mut self.tokens[kept].email);
            self.notify_at(&old, user, Purpose::Restore);
        } else {
            self.notify_at(&old, user, Purpose::Changed);
        }
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
        let has_address = user.email.eq_ignore_ascii_case(&token.email);
        lives && !user.disabled && (has_address || token.purpose == Purpose::Restore)
    }
}
