//! Parses the fields of stored hashes: numbers and bytes, each with exactly one spelling.

use base64::{
    Engine, alphabet,
    engine::{
        GeneralPurpose,
        general_purpose::{NO_PAD, STANDARD, STANDARD_NO_PAD},
    },
};

const BCRYPT: GeneralPurpose = GeneralPurpose::new(&alphabet::BCRYPT, NO_PAD);

/// The base64 alphabet of a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alphabet {
    /// RFC 4648 without padding.
    Standard,
    /// RFC 4648 with padding.
    Padded,
    /// The order of bcrypt.
    Bcrypt,
    /// RFC 4648 without padding, with `.` instead of `+`.
    Passlib,
}

impl Alphabet {
    /// `None`: outside the alphabet, or with trailing bits that are set.
    pub(super) fn decode(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Standard => STANDARD_NO_PAD.decode(text),
            Self::Padded => STANDARD.decode(text),
            Self::Bcrypt => BCRYPT.decode(text),
            Self::Passlib if text.contains('+') => return None,
            Self::Passlib => STANDARD_NO_PAD.decode(text.replace('.', "+")),
        }
        .ok()
    }

    pub(super) fn encode(self, bytes: &[u8]) -> String {
        match self {
            Self::Standard => STANDARD_NO_PAD.encode(bytes),
            Self::Padded => STANDARD.encode(bytes),
            Self::Bcrypt => BCRYPT.encode(bytes),
            Self::Passlib => STANDARD_NO_PAD.encode(bytes).replace('+', "."),
        }
    }
}

/// Parses the numbers of `m=19456,t=2,p=1`, with the names in the given order.
pub(super) fn parse_named<const N: usize>(text: &str, names: [&str; N]) -> Option<[u32; N]> {
    let mut fields = text.split(',');
    let mut numbers = [0; N];
    for (number, name) in numbers.iter_mut().zip(names) {
        *number = parse_decimal(fields.next()?.strip_prefix(name)?)?;
    }
    fields.next().is_none().then_some(numbers)
}

/// Parses a number without sign or leading zero. A number beyond `u32` becomes the largest `u32`, which
/// is beyond every cap too.
pub(super) fn parse_decimal(text: &str) -> Option<u32> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let is_plain = is_plain && !text.is_empty() && (text == "0" || !text.starts_with('0'));
    is_plain.then(|| text.parse().unwrap_or(u32::MAX))
}

/// Parses bcrypt's cost of two digits.
pub(super) fn parse_bcrypt_cost(text: &str) -> Option<u32> {
    let is_plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_plain { text.parse().ok() } else { None }
}
