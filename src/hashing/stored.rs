//! Parses and writes stored hashes: PHC strings (<https://github.com/P-H-C/phc-string-format>), which
//! other systems read too, and the formats of bcrypt, Django and passlib, which came with imported
//! users. A parsed hash is within the caps, so no computation ever exceeds them.

mod fields;

use std::{fmt, ops::RangeInclusive};

use argon2::{Algorithm as Variant, Version};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use thiserror::Error;

use super::{
    algorithm::{Algorithm, Digest},
    parameters::Parameters,
};
use fields::{Alphabet, parse_bcrypt_cost, parse_decimal, parse_named};

const TEXT_MAX: usize = 512;
const SALT_BYTES: RangeInclusive<usize> = 8..=64;
const TAG_BYTES: RangeInclusive<usize> = 16..=64;
/// The lengths of new hashes (RFC 9106 §4).
const NEW_SALT_BYTES: usize = 16;
const NEW_TAG_BYTES: usize = 32;
/// bcrypt writes its salt of 16 bytes in 22 characters, directly followed by its tag of 23 bytes.
const BCRYPT_SALT_CHARACTERS: usize = 22;
const BCRYPT_BYTES: (usize, usize) = (16, 23);

/// The names of the formats, which follow a dollar sign or begin the text.
const NAMES: [&str; 13] = [
    "argon2id",
    "argon2i",
    "argon2d",
    "2a",
    "2b",
    "2y",
    "scrypt",
    "pbkdf2",
    "pbkdf2-sha1",
    "pbkdf2-sha256",
    "pbkdf2-sha512",
    "pbkdf2_sha1",
    "pbkdf2_sha256",
];

/// A hash within the caps, with everything that a verification needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredHash {
    pub(super) algorithm: Algorithm,
    pub(super) salt: Vec<u8>,
    pub(super) tag: Vec<u8>,
}

/// Why a stored hash cannot be verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UnreadableHash {
    /// The text begins with the name of no format.
    #[error("the format is unknown")]
    UnknownFormat,
    /// The cost exceeds the caps or is not defined by the algorithm, or the salt or tag is too short
    /// or too long.
    #[error("the cost or a length is outside the caps")]
    OutsideCaps,
    /// The text begins with the name of a format and is not of that format.
    #[error("the text is damaged")]
    Damaged,
}

use UnreadableHash::{Damaged, OutsideCaps, UnknownFormat};

impl StoredHash {
    /// A new hash without its tag, which is computed next.
    pub(super) fn without_tag(parameters: Parameters, salt: [u8; NEW_SALT_BYTES]) -> Self {
        Self {
            algorithm: Algorithm::argon2id(parameters),
            salt: salt.to_vec(),
            tag: vec![0; NEW_TAG_BYTES],
        }
    }

    /// Parses a text. Each format has exactly one spelling of a hash.
    pub(super) fn parse(text: &str) -> Result<Self, UnreadableHash> {
        if text.len() > TEXT_MAX {
            return Err(OutsideCaps);
        }
        let fields: Vec<&str> = text.split('$').collect();
        match fields[..] {
            [
                "",
                name @ ("argon2id" | "argon2i" | "argon2d"),
                version,
                cost,
                salt,
                tag,
            ] => {
                let algorithm = parse_argon2(name, version, cost)?;
                Self::decode(algorithm, Alphabet::Standard, salt, tag)
            }
            ["", "2a" | "2b" | "2y", cost, salt_and_tag] => parse_bcrypt(cost, salt_and_tag),
            ["", "scrypt", cost, salt, tag] => {
                let [log_n, r, p] = parse_named(cost, ["ln=", "r=", "p="]).ok_or(Damaged)?;
                let algorithm = Algorithm::scrypt(log_n, r, p).ok_or(OutsideCaps)?;
                Self::decode(algorithm, Alphabet::Standard, salt, tag)
            }
            [
                "",
                name @ ("pbkdf2" | "pbkdf2-sha1" | "pbkdf2-sha256" | "pbkdf2-sha512"),
                cost,
                salt,
                tag,
            ] => parse_pbkdf2(pbkdf2_digest(name), cost, salt, tag),
            [name @ ("pbkdf2_sha1" | "pbkdf2_sha256"), rounds, salt, tag] => {
                parse_django(pbkdf2_digest(name), rounds, salt, tag)
            }
            ["", name, ..] | [name, ..] if NAMES.contains(&name) => Err(Damaged),
            _ => Err(UnknownFormat),
        }
    }

    /// Whether a new hash would have the same strength.
    pub(super) fn is_current(&self, current: Parameters) -> bool {
        self.algorithm == Algorithm::argon2id(current)
            && self.salt.len() >= NEW_SALT_BYTES
            && self.tag.len() == NEW_TAG_BYTES
    }

    fn decode(
        algorithm: Algorithm,
        alphabet: Alphabet,
        salt: &str,
        tag: &str,
    ) -> Result<Self, UnreadableHash> {
        let salt = alphabet.decode(salt).ok_or(Damaged)?;
        let tag = alphabet.decode(tag).ok_or(Damaged)?;
        Self::within_caps(algorithm, salt, tag)
    }

    fn within_caps(
        algorithm: Algorithm,
        salt: Vec<u8>,
        tag: Vec<u8>,
    ) -> Result<Self, UnreadableHash> {
        let fits = SALT_BYTES.contains(&salt.len()) && TAG_BYTES.contains(&tag.len());
        let stored = Self {
            algorithm,
            salt,
            tag,
        };
        fits.then_some(stored).ok_or(OutsideCaps)
    }
}

fn parse_argon2(name: &str, version: &str, cost: &str) -> Result<Algorithm, UnreadableHash> {
    let variant: Variant = name.parse().map_err(|_| UnknownFormat)?;
    let version = match version {
        "v=16" => Version::V0x10,
        "v=19" => Version::V0x13,
        _ => return Err(Damaged),
    };
    let [memory_kib, iterations, parallelism] =
        parse_named(cost, ["m=", "t=", "p="]).ok_or(Damaged)?;
    let parameters =
        Parameters::new(memory_kib, iterations, parallelism).map_err(|_| OutsideCaps)?;
    Ok(Algorithm::Argon2 {
        variant,
        version,
        parameters,
    })
}

fn parse_bcrypt(cost: &str, salt_and_tag: &str) -> Result<StoredHash, UnreadableHash> {
    let cost = parse_bcrypt_cost(cost).ok_or(Damaged)?;
    let algorithm = Algorithm::bcrypt(cost).ok_or(OutsideCaps)?;
    let (salt, tag) = salt_and_tag
        .split_at_checked(BCRYPT_SALT_CHARACTERS)
        .ok_or(Damaged)?;
    let stored = StoredHash::decode(algorithm, Alphabet::Bcrypt, salt, tag)?;
    if (stored.salt.len(), stored.tag.len()) == BCRYPT_BYTES {
        Ok(stored)
    } else {
        Err(Damaged)
    }
}

fn pbkdf2_digest(name: &str) -> Digest {
    match name {
        "pbkdf2-sha512" => Digest::Sha512,
        "pbkdf2-sha256" | "pbkdf2_sha256" => Digest::Sha256,
        // passlib's plain `pbkdf2` uses SHA-1.
        _ => Digest::Sha1,
    }
}

/// The cost is PHC's `i=600000,l=32` or passlib's bare rounds; each has its own base64.
fn parse_pbkdf2(
    digest: Digest,
    cost: &str,
    salt: &str,
    tag: &str,
) -> Result<StoredHash, UnreadableHash> {
    let within = |rounds| Algorithm::pbkdf2(digest, rounds).ok_or(OutsideCaps);
    if let Some(rounds) = parse_decimal(cost) {
        return StoredHash::decode(within(rounds)?, Alphabet::Passlib, salt, tag);
    }
    let (rounds, length) = match parse_named(cost, ["i=", "l="]) {
        Some([rounds, length]) => (rounds, Some(length)),
        None => (parse_named(cost, ["i="]).ok_or(Damaged)?[0], None),
    };
    let stored = StoredHash::decode(within(rounds)?, Alphabet::Standard, salt, tag)?;
    match length {
        Some(length) if length as usize != stored.tag.len() => Err(Damaged),
        Some(_) | None => Ok(stored),
    }
}

/// Django's salt is a text of letters and digits, of which the bytes are used without decoding.
fn parse_django(
    digest: Digest,
    rounds: &str,
    salt: &str,
    tag: &str,
) -> Result<StoredHash, UnreadableHash> {
    let rounds = parse_decimal(rounds).ok_or(Damaged)?;
    let algorithm = Algorithm::pbkdf2(digest, rounds).ok_or(OutsideCaps)?;
    let tag = Alphabet::Padded.decode(tag).ok_or(Damaged)?;
    if !salt.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Damaged);
    }
    StoredHash::within_caps(algorithm, salt.as_bytes().to_vec(), tag)
}

/// The PHC string, or bcrypt's own format, for which PHC defines none.
impl fmt::Display for StoredHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encode = |bytes: &[u8]| match self.algorithm {
            Algorithm::Bcrypt { .. } => Alphabet::Bcrypt.encode(bytes),
            Algorithm::Argon2 { .. } | Algorithm::Scrypt { .. } | Algorithm::Pbkdf2 { .. } => {
                STANDARD_NO_PAD.encode(bytes)
            }
        };
        let between = match self.algorithm {
            Algorithm::Bcrypt { .. } => "",
            Algorithm::Argon2 { .. } | Algorithm::Scrypt { .. } | Algorithm::Pbkdf2 { .. } => "$",
        };
        let (algorithm, salt, tag) = (self.algorithm, encode(&self.salt), encode(&self.tag));
        write!(f, "{algorithm}${salt}{between}{tag}")
    }
}

#[cfg(test)]
mod tests;
