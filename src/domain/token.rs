//! The text that proves a session: `vst_` and 51 bytes in base64url, one spelling per token.
//!
//! The id finds the row and is public; the secret is 256 random bits of which the database has only
//! the SHA-256. The checksum finds typos and lets a secret scanner find tokens; it proves nothing.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use thiserror::Error;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::SessionId;

const PREFIX: &str = "vst_";
const ID_LEN: usize = 16;
const SECRET_LEN: usize = 32;
const CHECKSUM_LEN: usize = 3;
const RAW_LEN: usize = ID_LEN + SECRET_LEN + CHECKSUM_LEN;
/// The prefix and 51 bytes in base64, which leave no spare bits.
const TEXT_LEN: usize = PREFIX.len() + RAW_LEN / 3 * 4;
/// The longest text that gets a verdict.
const PRESENTED_MAX: usize = 512;

/// A well-formed session token. Its `Debug` shows the public id alone.
#[derive(Clone)]
pub struct SessionToken {
    id: SessionId,
    secret: Zeroizing<[u8; SECRET_LEN]>,
}

/// What somebody presents as a session token. What is malformed gets a verdict like any other
/// token: an end user may send anything.
#[derive(Debug, Clone)]
pub enum PresentedToken {
    /// Of the right form.
    Token(SessionToken),
    /// Not a token: no session has it.
    Malformed,
}

/// The text is not even what an end user could have sent: the caller's mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must have 1 to 512 bytes")]
pub struct TokenFault;

/// SHA-256 of a token's secret: what is stored. Equality takes constant time.
#[derive(Clone, Copy)]
pub struct SecretHash([u8; 32]);

impl SessionToken {
    /// Joins a session's id and its secret.
    pub fn new(id: SessionId, secret: [u8; SECRET_LEN]) -> Self {
        Self {
            id,
            secret: Zeroizing::new(secret),
        }
    }

    /// Reads the one spelling of a token.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != TEXT_LEN {
            return None;
        }
        let mut raw = Zeroizing::new([0; RAW_LEN]);
        let encoded = text.strip_prefix(PREFIX)?;
        if URL_SAFE_NO_PAD.decode_slice(encoded, &mut *raw).ok()? != RAW_LEN {
            return None;
        }
        let (body, checksum) = raw.split_at(ID_LEN + SECRET_LEN);
        let (id, secret) = body.split_at(ID_LEN);
        let token = Self::new(
            SessionId::new(Uuid::from_slice(id).ok()?),
            secret.try_into().ok()?,
        );
        (token.checksum() == checksum).then_some(token)
    }

    /// The public id.
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// What to store, and to compare with what is stored.
    pub fn secret_hash(&self) -> SecretHash {
        SecretHash(Sha256::digest(*self.secret).into())
    }

    /// The text: 72 characters. Tell it to the session's owner alone.
    pub fn expose(&self) -> Zeroizing<String> {
        let mut raw = Zeroizing::new([0; RAW_LEN]);
        raw[..ID_LEN].copy_from_slice(self.id.uuid().as_bytes());
        raw[ID_LEN..ID_LEN + SECRET_LEN].copy_from_slice(&*self.secret);
        raw[ID_LEN + SECRET_LEN..].copy_from_slice(&self.checksum());
        let mut text = Zeroizing::new(String::with_capacity(TEXT_LEN));
        text.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_string(raw.as_slice(), &mut text);
        text
    }

    /// The prefix is part of it, so that no other kind of token passes for a session's.
    fn checksum(&self) -> [u8; CHECKSUM_LEN] {
        let digest = Sha256::new()
            .chain_update(PREFIX)
            .chain_update(self.id.uuid())
            .chain_update(*self.secret)
            .finalize();
        [digest[0], digest[1], digest[2]]
    }
}

impl PresentedToken {
    /// Reads what an end user sent.
    ///
    /// # Errors
    /// The text is empty or longer than 512 bytes.
    pub fn parse(text: &str) -> Result<Self, TokenFault> {
        if text.is_empty() || text.len() > PRESENTED_MAX {
            return Err(TokenFault);
        }
        Ok(SessionToken::parse(text).map_or(Self::Malformed, Self::Token))
    }
}

impl SecretHash {
    /// Takes what was stored.
    pub const fn from_stored(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// What to store.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl ConstantTimeEq for SecretHash {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl PartialEq for SecretHash {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl Eq for SecretHash {}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionToken({}, …)", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn token(id: u128, secret: [u8; 32]) -> SessionToken {
        SessionToken::new(SessionId::new(Uuid::from_u128(id)), secret)
    }

    #[test]
    fn every_position_counts() {
        // (Z4) Truncated, extended, case-changed and changed in each position.
        let text = token(7, [0xA5; 32]).expose().to_string();
        assert_eq!(text.len(), 72);
        for at in 0..text.len() {
            assert!(SessionToken::parse(&text[..at]).is_none());
            for replacement in (0u8..128)
                .map(char::from)
                .filter(|c| *c != text.as_bytes()[at] as char)
            {
                let mut changed = text.clone();
                changed.replace_range(at..=at, &replacement.to_string());
                assert!(
                    SessionToken::parse(&changed).is_none(),
                    "{replacement:?} at {at}"
                );
            }
        }
        assert!(SessionToken::parse(&format!("{text}A")).is_none());
        assert!(SessionToken::parse(&format!("{text}=")).is_none());
        assert!(SessionToken::parse(&format!(" {text}")).is_none());
    }

    #[test]
    fn what_nobody_could_have_sent_is_a_fault() {
        assert!(PresentedToken::parse("").is_err());
        assert!(PresentedToken::parse(&"x".repeat(513)).is_err());
        assert!(matches!(
            PresentedToken::parse(&"x".repeat(512)),
            Ok(PresentedToken::Malformed)
        ));
    }

    #[test]
    fn debug_shows_the_public_id_alone() {
        let token = token(7, [0xA5; 32]);
        let debug = format!("{token:?} {:?}", token.secret_hash());
        assert_eq!(
            debug,
            "SessionToken(00000000-0000-0000-0000-000000000007, …) SecretHash(…)"
        );
    }

    proptest! {
        #[test]
        fn a_token_has_one_spelling(id in any::<u128>(), secret in any::<[u8; 32]>()) {
            let token = token(id, secret);
            let text = token.expose();
            prop_assert_eq!(text.len(), 72);
            let read = SessionToken::parse(&text).unwrap();
            prop_assert_eq!(read.id(), token.id());
            prop_assert_eq!(read.secret_hash(), token.secret_hash());
            prop_assert_eq!(read.expose(), text);
        }

        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = PresentedToken::parse(&text);
        }
    }
}
