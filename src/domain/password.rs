//! Passwords: one type for what somebody tries, one for what may be set. Only a `NewPassword` can
//! be hashed and only a `PasswordAttempt` verified, so that raising the policy locks nobody out.
//!
//! Lengths and lists follow NIST SP 800-63B-4 §3.1.1.2 and OWASP ASVS 6.2; the text is normalised
//! to NFC once, here, and is never trimmed or case-folded. Only an attempt keeps the text as it came
//! as well: the systems that users were imported from hashed that.

mod common;

use std::fmt;

use thiserror::Error;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::Email;

/// The most bytes that are looked at, before any work.
const BYTES_MAX: usize = 1024;
/// The most code points after NFC.
const CODE_POINTS_MAX: usize = 128;
/// NFC grows text at most threefold (UAX #15), so a buffer of this factor is never moved and leaves
/// no copy behind.
const NFC_GROWTH_MAX: usize = 3;
/// The service's own name is the first guess of whoever knows what this is.
const SERVICE_NAME: &str = "vestibule";

/// A password that somebody presents to log in. Its `Debug` tells nothing.
#[derive(Clone)]
pub struct PasswordAttempt {
    normal: Zeroizing<String>,
    received: Zeroizing<String>,
}

/// A password that passed the policy and may be set. Its `Debug` tells nothing.
#[derive(Clone)]
pub struct NewPassword(Zeroizing<String>);

/// What a new password must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// The least number of code points after NFC: 8 or more.
    pub min_length: usize,
}

/// What is wrong with a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PasswordFault {
    /// Fewer code points than allowed.
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
    /// In the list of common passwords, or the e-mail address, its local part or the service's name.
    #[error(
        "is too easy to guess: it is a common password, the e-mail address or the name of this service"
    )]
    Common,
}

impl PasswordPolicy {
    /// Nothing below this can be configured.
    pub const MIN_LENGTH_FLOOR: usize = 8;
    /// No password is longer, so that no minimum can be either.
    pub const MAX_LENGTH: usize = CODE_POINTS_MAX;
}

impl PasswordAttempt {
    /// Reads a password: 1 to 128 code points after NFC, at most 1,024 bytes, no control character.
    /// No policy applies.
    ///
    /// # Errors
    /// Every fault of the text.
    pub fn parse(text: &str) -> Result<Self, Vec<PasswordFault>> {
        Ok(Self {
            normal: normalised(text, 1)?,
            received: Zeroizing::new(text.to_owned()),
        })
    }

    /// The bytes to verify: UTF-8 in NFC.
    pub fn as_bytes(&self) -> &[u8] {
        self.normal.as_bytes()
    }

    /// The bytes as they came: what is verified against an imported hash.
    pub fn as_received(&self) -> &[u8] {
        self.received.as_bytes()
    }
}

impl NewPassword {
    /// Reads a password that shall be set for the owner of an address (`None` when that address
    /// cannot be read: the other faults are told all the same).
    ///
    /// # Errors
    /// Every fault of the text.
    pub fn parse(
        text: &str,
        policy: PasswordPolicy,
        email: Option<&Email>,
    ) -> Result<Self, Vec<PasswordFault>> {
        let (normal, mut faults) = match normalised(text, policy.min_length) {
            Ok(normal) => (normal, Vec::new()),
            // What is far too long is not worth comparing.
            Err(faults) if text.len() > BYTES_MAX => return Err(faults),
            Err(faults) => (nfc(text), faults),
        };
        if is_guessable(&normal, email) {
            faults.push(PasswordFault::Common);
        }
        if faults.is_empty() {
            Ok(Self(normal))
        } else {
            Err(faults)
        }
    }

    /// The bytes to hash: UTF-8 in NFC.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Whether the password is an address or its local part: for those who learn whose it is to be
    /// only after they parsed it.
    pub fn is_address(&self, email: &Email) -> bool {
        is_address(&Zeroizing::new(fold(&self.0)), email)
    }

    /// The same password as an attempt: what a retried registration proves itself with.
    pub fn to_attempt(&self) -> PasswordAttempt {
        PasswordAttempt {
            normal: self.0.clone(),
            received: self.0.clone(),
        }
    }
}

fn nfc(text: &str) -> Zeroizing<String> {
    let mut normal = Zeroizing::new(String::with_capacity(text.len() * NFC_GROWTH_MAX));
    normal.extend(text.nfc());
    normal
}

fn normalised(text: &str, minimum: usize) -> Result<Zeroizing<String>, Vec<PasswordFault>> {
    if text.len() > BYTES_MAX {
        return Err(vec![PasswordFault::TooLong]);
    }
    let normal = nfc(text);
    let length = normal.chars().count();
    let mut faults = Vec::new();
    if length < minimum {
        faults.push(PasswordFault::TooShort { minimum });
    }
    if length > CODE_POINTS_MAX {
        faults.push(PasswordFault::TooLong);
    }
    if normal.chars().any(char::is_control) {
        faults.push(PasswordFault::ControlCharacter);
    }
    if faults.is_empty() {
        Ok(normal)
    } else {
        Err(faults)
    }
}

fn is_guessable(normal: &str, email: Option<&Email>) -> bool {
    let folded = Zeroizing::new(fold(normal));
    email.is_some_and(|email| is_address(&folded, email))
        || *folded == SERVICE_NAME
        || common::contains(&folded)
}

fn is_address(folded: &str, email: &Email) -> bool {
    folded == fold(email.as_given())
        || folded == email.key().as_str()
        || folded == email.key().local_part()
}

/// Case folding close to Unicode's: upper case first, so that ß, ſ and K meet ss, s and k.
fn fold(text: &str) -> String {
    text.to_uppercase().to_lowercase()
}

impl fmt::Debug for PasswordAttempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordAttempt(…)")
    }
}

impl fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewPassword(…)")
    }
}

#[cfg(test)]
mod tests;
