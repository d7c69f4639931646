//! What is presented as a proof: anything that was told before, whole or not, to whom it was told or
//! not.

use vestibule::domain::{OfEmailChange, OfReset, OfSession, OfVerification, Token, TokenKind};

use super::{
    NOBODY, World,
    operation::{Proof, Shape, Which},
    state::{OneTime, Purpose},
};

const NOTHING: &str = "nothing";

impl World<'_> {
    /// What is presented as the token of a session, and which secret that is.
    pub(super) fn session_proof(&self, Proof(back, shape): Proof) -> (Option<usize>, String) {
        let secrets = &self.state.secrets;
        let Some(at) = from_last(back, secrets.len()) else {
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
            Shape::Forged => (None, forged::<OfSession>(text)),
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
        let fits = |token: &OneTime| (token.purpose == purpose) != (shape == Shape::Foreign);
        let some: Vec<_> = (0..tokens.len()).filter(|at| fits(&tokens[*at])).collect();
        let Some(at) = from_last(back, some.len()).map(|at| some[at]) else {
            return (None, NOTHING.to_owned());
        };
        let text = &tokens[at].text;
        match shape {
            Shape::Whole | Shape::Foreign => (Some(at), text.clone()),
            Shape::Cut => (None, text[..71].to_owned()),
            Shape::Forged => {
                let forged = match purpose {
                    Purpose::Reset => forged::<OfReset>(text),
                    Purpose::Verification => forged::<OfVerification>(text),
                    _ => forged::<OfEmailChange>(text),
                };
                (None, forged)
            }
        }
    }

    /// A session of anybody, and its id.
    pub(super) fn which(&self, which: Which) -> (Option<usize>, String) {
        let sessions = &self.state.sessions;
        let at = from_last(which, sessions.len());
        let id = at.map(|at| sessions[at].id.clone());
        (at, id.unwrap_or_else(|| NOBODY.to_owned()))
    }

    /// Whose session a secret is of.
    pub(super) fn owner(&self, secret: Option<usize>) -> Option<usize> {
        let session = self.state.secrets[secret?].session;
        Some(self.state.sessions[session].user)
    }
}

fn from_last(back: u8, count: usize) -> Option<usize> {
    let back = usize::from(back).checked_rem(count)?;
    Some(count - 1 - back)
}

/// The same id with another secret.
fn forged<K: TokenKind>(text: &str) -> String {
    let id = Token::<K>::parse(text).unwrap().id();
    Token::<K>::new(id, [0xA5; 32]).expose().to_string()
}
