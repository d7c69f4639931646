//! The texts that prove something: a prefix such as `vst_` and 51 bytes in base64url, one spelling
//! per token.
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

use super::{CallerKeyId, OneTimeTokenId, SessionId};

const ID_LEN: usize = 16;
pub(super) const SECRET_LEN: usize = 32;
const CHECKSUM_LEN: usize = 3;
const RAW_LEN: usize = ID_LEN + SECRET_LEN + CHECKSUM_LEN;
const PREFIX_LEN: usize = 4;
/// The prefix and 51 bytes in base64, which leave no spare bits.
const TEXT_LEN: usize = PREFIX_LEN + RAW_LEN / 3 * 4;
/// The longest text that gets a verdict.
const PRESENTED_MAX: usize = 512;

/// What a token proves. The prefix is part of the checksum, so that no kind passes for another.
pub trait TokenKind {
    /// Four characters.
    const PREFIX: &'static str;
    /// What finds the row.
    type Id: From<Uuid> + Into<Uuid> + fmt::Display + Copy;
}

macro_rules! kind {
    ($($(#[$doc:meta])* $name:ident $prefix:literal $id:ty),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {}

        impl TokenKind for $name {
            const PREFIX: &'static str = $prefix;
            type Id = $id;
        }
    )*};
}

kind! {
    /// Proves a session.
    OfSession "vst_" SessionId,
    /// Sets a new password, once.
    OfReset "vrt_" OneTimeTokenId,
    /// Proves a mailbox, once.
    OfVerification "vvt_" OneTimeTokenId,
    /// Changes an address, once.
    OfEmailChange "vet_" OneTimeTokenId,
    /// Proves a named caller.
    OfCaller "vck_" CallerKeyId,
}

/// A well-formed token. Its `Debug` shows the public id alone.
pub struct Token<K: TokenKind> {
    id: K::Id,
    secret: Zeroizing<[u8; SECRET_LEN]>,
}

/// The token of a session.
pub type SessionToken = Token<OfSession>;

/// What somebody presents as a token. What is malformed gets a verdict like any other token: an end
/// user may send anything.
pub enum Presented<K: TokenKind> {
    /// Of the right form.
    Token(Token<K>),
    /// Not a token: nothing has it.
    Malformed,
}

/// What somebody presents as the token of a session.
pub type PresentedToken = Presented<OfSession>;

/// The text is not even what an end user could have sent: the caller's mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must have 1 to 512 bytes")]
pub struct TokenFault;

/// SHA-256 of a token's secret: what is stored. Equality takes constant time.
#[derive(Clone, Copy)]
pub struct SecretHash([u8; 32]);

impl<K: TokenKind> Token<K> {
    /// Joins an id and its secret.
    pub fn new(id: K::Id, secret: [u8; SECRET_LEN]) -> Self {
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
        let encoded = text.strip_prefix(K::PREFIX)?;
        if URL_SAFE_NO_PAD.decode_slice(encoded, &mut *raw).ok()? != RAW_LEN {
            return None;
        }
        let (body, checksum) = raw.split_at(ID_LEN + SECRET_LEN);
        let (id, secret) = body.split_at(ID_LEN);
        let token = Self::new(Uuid::from_slice(id).ok()?.into(), secret.try_into().ok()?);
        (token.checksum() == checksum).then_some(token)
    }

    /// The public id.
    pub fn id(&self) -> K::Id {
        self.id
    }

    pub(super) fn secret(&self) -> &[u8; SECRET_LEN] {
        &self.secret
    }

    /// What to store, and to compare with what is stored.
    pub fn secret_hash(&self) -> SecretHash {
        SecretHash(Sha256::digest(*self.secret).into())
    }

    /// The text: 72 characters. Tell it to its owner alone.
    pub fn expose(&self) -> Zeroizing<String> {
        let mut raw = Zeroizing::new([0; RAW_LEN]);
        raw[..ID_LEN].copy_from_slice(self.id.into().as_bytes());
        raw[ID_LEN..ID_LEN + SECRET_LEN].copy_from_slice(&*self.secret);
        raw[ID_LEN + SECRET_LEN..].copy_from_slice(&self.checksum());
        let mut text = Zeroizing::new(String::with_capacity(TEXT_LEN));
        text.push_str(K::PREFIX);
        URL_SAFE_NO_PAD.encode_string(raw.as_slice(), &mut text);
        text
    }

    fn checksum(&self) -> [u8; CHECKSUM_LEN] {
        let digest = Sha256::new()
            .chain_update(K::PREFIX)
            .chain_update(self.id.into())
            .chain_update(*self.secret)
            .finalize();
        [digest[0], digest[1], digest[2]]
    }
}

impl<K: TokenKind> Presented<K> {
    /// Reads what an end user sent.
    ///
    /// # Errors
    /// The text is empty or longer than 512 bytes.
    pub fn parse(text: &str) -> Result<Self, TokenFault> {
        if text.is_empty() || text.len() > PRESENTED_MAX {
            return Err(TokenFault);
        }
        Ok(Token::parse(text).map_or(Self::Malformed, Self::Token))
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

impl<K: TokenKind> fmt::Debug for Token<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({}{}, …)", K::PREFIX, self.id)
    }
}

/// A derived one would ask for kinds that can be cloned.
impl<K: TokenKind> Clone for Token<K> {
    fn clone(&self) -> Self {
        Self {
            id: self.id,
            secret: self.secret.clone(),
        }
    }
}

impl<K: TokenKind> fmt::Debug for Presented<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(token) => token.fmt(f),
            Self::Malformed => f.write_str("Malformed"),
        }
    }
}

impl<K: TokenKind> Clone for Presented<K> {
    fn clone(&self) -> Self {
        match self {
            Self::Token(token) => Self::Token(token.clone()),
            Self::Malformed => Self::Malformed,
        }
    }
}

#[cfg(test)]
mod tests;
