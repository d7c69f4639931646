//! Tokens: the texts that prove a session, a named caller or a one-time permission. A token is a
//! prefix such as `vst_` and 51 bytes in base64url, and has exactly one spelling.
//!
//! The bytes are a public id, which finds the row; a secret of 256 random bits, of which the
//! database has only the SHA-256; and a checksum, by which typos are noticed and secret scanners
//! find tokens.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use thiserror::Error;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{CallerKeyId, OneTimeTokenId, SessionId, opaque_debug};

const ID_LEN: usize = 16;
pub(super) const SECRET_LEN: usize = 32;
const CHECKSUM_LEN: usize = 3;
const RAW_LEN: usize = ID_LEN + SECRET_LEN + CHECKSUM_LEN;
const PREFIX_LEN: usize = 4;
/// The prefix and 51 bytes in base64, which has no unused bits at this length.
const TEXT_LEN: usize = PREFIX_LEN + RAW_LEN / 3 * 4;
/// The most bytes of a text that gets a verdict.
const PRESENTED_MAX: usize = 512;

/// A kind of token. The checksum covers the prefix, so that no kind can be passed off as another.
pub trait TokenKind {
    /// The first four characters of the text.
    const PREFIX: &'static str;
    /// The id that finds the row.
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
    /// The token of a session.
    SessionKind "vst_" SessionId,
    /// A one-time token that sets a new password.
    PasswordResetKind "vrt_" OneTimeTokenId,
    /// A one-time token that proves an address.
    EmailVerificationKind "vvt_" OneTimeTokenId,
    /// A one-time token that changes an address.
    EmailChangeKind "vet_" OneTimeTokenId,
    /// A one-time token that restores a former address.
    EmailRestoreKind "vft_" OneTimeTokenId,
    /// The token of a caller's key.
    CallerKind "vck_" CallerKeyId,
}

/// A well-formed token. `Debug` prints the public id alone.
pub struct Token<K: TokenKind> {
    id: K::Id,
    secret: Zeroizing<[u8; SECRET_LEN]>,
}

/// The token of a session.
pub type SessionToken = Token<SessionKind>;

/// A presented token. End users may send any text, so a malformed token gets a verdict like every
/// other token and is no error.
pub enum Presented<K: TokenKind> {
    /// Well-formed.
    Token(Token<K>),
    /// No row can have this token.
    Malformed,
}

/// A presented token of a session.
pub type PresentedToken = Presented<SessionKind>;

/// The text is empty or longer than any token, which is a mistake of the caller and not of the end
/// user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must have 1 to 512 bytes")]
pub struct TokenFault;

/// SHA-256 of a token's secret, which is what the database stores. Comparison takes constant time.
#[derive(Clone, Copy)]
pub struct SecretHash([u8; 32]);

impl<K: TokenKind> Token<K> {
    /// A token of an id and a secret.
    pub fn new(id: K::Id, secret: [u8; SECRET_LEN]) -> Self {
        Self {
            id,
            secret: Zeroizing::new(secret),
        }
    }

    /// Parses a token. `None` unless it is spelled exactly as [`Self::expose`] spells it.
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

    pub fn id(&self) -> K::Id {
        self.id
    }

    pub(super) fn secret(&self) -> &[u8; SECRET_LEN] {
        &self.secret
    }

    /// The hash to store, or to compare with the stored one.
    pub fn secret_hash(&self) -> SecretHash {
        SecretHash(Sha256::digest(*self.secret).into())
    }

    /// The text of 72 characters, for the answer or the mail to its owner and for nothing else.
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
    /// Parses a text that an end user sent.
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
    /// A hash as stored.
    pub const fn from_stored(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
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

opaque_debug!(SecretHash);

impl<K: TokenKind> fmt::Debug for Token<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({}{}, …)", K::PREFIX, self.id)
    }
}

/// Written by hand, since a derived `Clone` would require it of the kind.
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
