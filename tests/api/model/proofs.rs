//! What small numbers stand for: addresses, passwords, users, sessions, and secrets that were told
//! before, whole or not, to whom they were told or not.

use uuid::Uuid;
use vestibule::domain::{
    EmailChangeKind, EmailRestoreKind, EmailVerificationKind, PasswordResetKind, SessionKind,
    Token, TokenKind,
};

use super::{
    PASSWORDS, World,
    operation::{Address, Guess, Known, New, Proof, Shape, Which, Whom},
    state::{OneTime, Purpose},
};

/// Whom nobody is.
const NOBODY: &str = "018c2e65-4b7e-7cc3-98c4-dc0c0c07398f";

const NOTHING: &str = "nothing";
/// Numbers below it stand for what most comes of.
const GOOD: u8 = 8;

impl World<'_> {
    pub(super) fn address(&self, at: Address) -> String {
        let local = format!("{}{}", self.prefix, at % 4);
        let local = if at < 4 { local } else { local.to_uppercase() };
        format!("{local}@example.com")
    }

    /// The address of a user who is here, or else one of the few.
    pub(super) fn known_address(&self, at: Known) -> String {
        let here = self.users_here();
        let user = nth(at, here, |_| true).filter(|_| at < GOOD);
        let email = user.map(|user| self.state.users[user].email.clone());
        email.unwrap_or_else(|| self.address(at))
    }

    pub(super) fn request_id(&self, id: Option<u8>) -> Option<String> {
        let run = self.run as u128;
        id.map(|id| Uuid::from_u128(run << 8 | u128::from(id)).to_string())
    }

    pub(super) fn guess(&self, user: Option<usize>, guess: Guess) -> String {
        match (guess, user) {
            (Guess::Right, Some(user)) if !self.state.users[user].password.is_empty() => {
                self.state.users[user].password.clone()
            }
            (Guess::Right, _) => PASSWORDS[0].to_owned(),
            (Guess::Other(at), _) => PASSWORDS[usize::from(at) % PASSWORDS.len()].to_owned(),
        }
    }

    pub(super) fn new_password(new: New, email: &str) -> String {
        match new {
            New::Good(at) => PASSWORDS[usize::from(at) % PASSWORDS.len()].to_owned(),
            New::Short => "canary".to_owned(),
            New::Address => email.to_owned(),
        }
    }

    /// What is presented as the token of a session, and which secret that is.
    pub(super) fn session_proof(&self, Proof(back, shape): Proof) -> (Option<usize>, String) {
        let secrets = &self.state.secrets;
        let is_good = |at: &usize| self.state.is_live(secrets[*at].session);
        let Some(at) = nth(back, (0..secrets.len()).rev().collect(), is_good) else {
            return (None, NOTHING.to_owned());
        };
        let text = &secrets[at].text;
        let foreign = || {
            self.one_time_proof(Proof(back, Shape::Whole), Purpose::Reset)
                .1
        };
        match shape {
            Shape::Whole => (Some(at), text.clone()),
            Shape::Cut => (None, text[..71].to_owned()),
            Shape::Forged => (None, forged::<SessionKind>(text)),
            Shape::Foreign => (None, foreign()),
        }
    }

    /// What is presented as a token of a purpose, and which that is.
    pub(super) fn one_time_proof(
        &self,
        Proof(back, shape): Proof,
        purpose: Purpose,
    ) -> (Option<usize>, String) {
        let tokens = &self.state.tokens;
        let fits = |token: &OneTime| {
            let is_told = !token.text.is_empty();
            is_told && (token.purpose == purpose) != (shape == Shape::Foreign)
        };
        let some = (0..tokens.len()).rev().filter(|at| fits(&tokens[*at]));
        let is_good = |at: &usize| self.state.is_redeemable(*at);
        let Some(at) = nth(back, some.collect(), is_good) else {
            return (None, NOTHING.to_owned());
        };
        let text = &tokens[at].text;
        match shape {
            Shape::Whole | Shape::Foreign => (Some(at), text.clone()),
            Shape::Cut => (None, text[..71].to_owned()),
            Shape::Forged => {
                let forged = match purpose {
                    Purpose::Reset => forged::<PasswordResetKind>(text),
                    Purpose::Verification => forged::<EmailVerificationKind>(text),
                    Purpose::Restore => forged::<EmailRestoreKind>(text),
                    _ => forged::<EmailChangeKind>(text),
                };
                (None, forged)
            }
        }
    }

    /// A session of anybody, and its id.
    pub(super) fn which(&self, which: Which) -> (Option<usize>, String) {
        let sessions = &self.state.sessions;
        let is_live = |at: &usize| self.state.is_live(*at);
        let at = nth(which, (0..sessions.len()).rev().collect(), is_live);
        let id = at.map(|at| sessions[at].id.clone());
        (at, id.unwrap_or_else(|| NOBODY.to_owned()))
    }

    /// A user, unless erased, and the id.
    pub(super) fn whom(&self, whom: Whom) -> (Option<usize>, String) {
        let users = &self.state.users;
        let Some(user) = self.whoever(whom) else {
            return (None, NOBODY.to_owned());
        };
        let id = users[user].id.clone();
        (Some(user).filter(|user| !users[*user].erased), id)
    }

    pub(super) fn whoever(&self, whom: Whom) -> Option<usize> {
        let users = &self.state.users;
        nth(whom, (0..users.len()).collect(), |at| !users[*at].erased)
    }

    /// Whose session a secret is of.
    pub(super) fn owner(&self, secret: Option<usize>) -> Option<usize> {
        let session = self.state.secrets[secret?].session;
        Some(self.state.sessions[session].user)
    }
}

/// One of some: below [`GOOD`] a good one, while there is one.
fn nth(at: u8, some: Vec<usize>, mut is_good: impl FnMut(&usize) -> bool) -> Option<usize> {
    let good: Vec<_> = some.iter().copied().filter(|at| is_good(at)).collect();
    let all = if at < GOOD && !good.is_empty() {
        good
    } else {
        some
    };
    all.get(usize::from(at).checked_rem(all.len())?).copied()
}

/// The same id with another secret.
fn forged<K: TokenKind>(text: &str) -> String {
    let id = Token::<K>::parse(text).unwrap().id();
    Token::<K>::new(id, [0xA5; 32]).expose().to_string()
}
