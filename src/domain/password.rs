//! Passwords: one type for an attempt to log in, one for a password that may be set. Only a
//! `NewPassword` can be hashed and only a `PasswordAttempt` verified, so that a stricter policy
//! locks no user out.
//!
//! Lengths and lists follow NIST SP 800-63B-4 §3.1.1.2 and OWASP ASVS 6.2. The text is normalised
//! to NFC once, here, and is never trimmed or case-folded. An attempt also keeps the text as
//! received, which is what other systems hashed before their users were imported.

mod common;
mod strength;

use thiserror::Error;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::{Email, opaque_debug};

/// The most bytes of a password, checked before any other work.
const BYTES_MAX: usize = 1024;
/// The most code points after NFC.
const CODE_POINTS_MAX: usize = 128;
/// NFC grows text at most threefold (UAX #15): a buffer of this factor is never reallocated, which
/// would leave a copy of the password in freed memory.
const NFC_GROWTH_MAX: usize = 3;
/// The name of the service is one of the first guesses of an attacker who knows the service.
const SERVICE_NAME: &str = "vestibule";

/// A password presented to log in, which `Debug` does not print.
#[derive(Clone)]
pub struct PasswordAttempt {
    nfc: Zeroizing<String>,
    received: Zeroizing<String>,
}

/// A password that passed the policy and may be set. `Debug` does not print it.
#[derive(Clone)]
pub struct NewPassword(Zeroizing<String>);

/// The configurable part of what a new password must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// The least number of code points after NFC; at least [`Self::MIN_LENGTH_FLOOR`].
    pub min_length: usize,
    /// The least score of zxcvbn, 0 to 4.
    pub min_strength: u8,
}

/// What is wrong with a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PasswordFault {
    /// Too few code points.
    #[error("must have at least {minimum} character{}", if *minimum == 1 { "" } else { "s" })]
    TooShort {
        /// The least number of code points.
        minimum: usize,
    },
    /// More than 128 code points, or more than 1,024 bytes.
    #[error("must have at most 128 characters and 1,024 bytes")]
    TooLong,
    /// NUL or another control character.
    #[error("must not contain control characters")]
    ControlCharacter,
    /// In the list of common passwords, or equal to the e-mail address, its local part or the name
    /// of the service.
    #[error(
        "is too easy to guess: it is a common password, the e-mail address or the name of this service"
    )]
    Common,
    /// Of a pattern that takes few guesses.
    #[error("is too easy to guess: make it longer, of words that do not belong together")]
    Weak,
}

impl PasswordPolicy {
    /// The least `min_length` that can be configured.
    pub const MIN_LENGTH_FLOOR: usize = 8;
    /// The most code points of a password, and so the greatest `min_length`.
    pub const MAX_LENGTH: usize = CODE_POINTS_MAX;
}

impl PasswordAttempt {
    /// Parses a password of 1 to 128 code points after NFC, at most 1,024 bytes, and no control
    /// character. The policy does not apply.
    ///
    /// # Errors
    /// Every fault of the text.
    pub fn parse(text: &str) -> Result<Self, Vec<PasswordFault>> {
        Ok(Self {
            nfc: normalize(text, 1)?,
            received: Zeroizing::new(text.to_owned()),
        })
    }

    /// The bytes to verify against a hash of this service: UTF-8 in NFC.
    pub fn as_bytes(&self) -> &[u8] {
        self.nfc.as_bytes()
    }

    /// The bytes to verify against an imported hash: as received.
    pub fn as_received(&self) -> &[u8] {
        self.received.as_bytes()
    }
}

impl NewPassword {
    /// Parses a password to be set for the owner of an address. Without a valid address the other
    /// faults are found all the same.
    ///
    /// # Errors
    /// Every fault of the text.
    pub fn parse(
        text: &str,
        policy: PasswordPolicy,
        email: Option<&Email>,
    ) -> Result<Self, Vec<PasswordFault>> {
        let (nfc, mut faults) = match normalize(text, policy.min_length) {
            Ok(nfc) => (nfc, Vec::new()),
            // Longer than any guess.
            Err(faults) if text.len() > BYTES_MAX => return Err(faults),
            Err(faults) => (to_nfc(text), faults),
        };
        if is_guessable(&nfc, email) {
            faults.push(PasswordFault::Common);
        } else if faults.is_empty() && strength::is_below(&nfc, policy.min_strength, email) {
            faults.push(PasswordFault::Weak);
        }
        if faults.is_empty() {
            Ok(Self(nfc))
        } else {
            Err(faults)
        }
    }

    /// The bytes to hash: UTF-8 in NFC.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Whether the password is an address or its local part, or easy to guess by whoever knows it. For
    /// requests that identify the user by a token, so that the address is known only after the password
    /// was parsed.
    pub fn is_guessable_by(&self, policy: PasswordPolicy, email: &Email) -> bool {
        is_address(&Zeroizing::new(fold(&self.0)), email)
            || strength::is_below(&self.0, policy.min_strength, Some(email))
    }

    /// The same password as an attempt, by which a retried registration proves itself.
    pub fn to_attempt(&self) -> PasswordAttempt {
        PasswordAttempt {
            nfc: self.0.clone(),
            received: self.0.clone(),
        }
    }
}

fn to_nfc(text: &str) -> Zeroizing<String> {
    let mut nfc = Zeroizing::new(String::with_capacity(text.len() * NFC_GROWTH_MAX));
    nfc.extend(text.nfc());
    nfc
}

fn normalize(text: &str, minimum: usize) -> Result<Zeroizing<String>, Vec<PasswordFault>> {
    if text.len() > BYTES_MAX {
        return Err(vec![PasswordFault::TooLong]);
    }
    let nfc = to_nfc(text);
    let length = nfc.chars().count();
    let mut faults = Vec::new();
    if length < minimum {
        faults.push(PasswordFault::TooShort { minimum });
    }
    if length > CODE_POINTS_MAX {
        faults.push(PasswordFault::TooLong);
    }
    if nfc.chars().any(char::is_control) {
        faults.push(PasswordFault::ControlCharacter);
    }
    if faults.is_empty() {
        Ok(nfc)
    } else {
        Err(faults)
    }
}

fn is_guessable(nfc: &str, email: Option<&Email>) -> bool {
    let folded = Zeroizing::new(fold(nfc));
    email.is_some_and(|email| is_address(&folded, email))
        || *folded == SERVICE_NAME
        || common::contains(&folded)
}

fn is_address(folded: &str, email: &Email) -> bool {
    folded == fold(email.as_given())
        || folded == email.key().as_str()
        || folded == email.key().local_part()
}

/// Case folding close to Unicode's: upper case first, so that ß, ſ and K become ss, s and k.
fn fold(text: &str) -> String {
    Zeroizing::new(text.to_uppercase()).to_lowercase()
}

opaque_debug!(PasswordAttempt, NewPassword);

#[cfg(test)]
mod tests;
