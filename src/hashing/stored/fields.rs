//! The fields of stored texts: numbers and bytes, each with one spelling.

use base64::{
    Engine, alphabet,
    engine::{
        GeneralPurpose,
        general_purpose::{NO_PAD, STANDARD, STANDARD_NO_PAD},
    },
};

const BCRYPT: GeneralPurpose = GeneralPurpose::new(&alphabet::BCRYPT, NO_PAD);

/// The base64 of a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alphabet {
    /// RFC 4648's, without padding.
    Standard,
    /// The same, padded.
    Padded,
    /// bcrypt's own order.
    Bcrypt,
    /// RFC 4648's without padding, with a dot for the plus.
    Passlib,
}

impl Alphabet {
    /// `None`: not in this alphabet, or with spare bits that are set.
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

/// The numbers of `m=19456,t=2,p=1`, for the names in their order.
pub(super) fn parse_named<const N: usize>(text: &str, names: [&str; N]) -> Option<[u32; N]> {
    let mut fields = text.split(',');
    let mut numbers = [0; N];
    for (number, name) in numbers.iter_mut().zip(names) {
        *number = parse_decimal(fields.next()?.strip_prefix(name)?)?;
    }
    fields.next().is_none().then_some(numbers)
}

/// A number without sign or leading zero. One that is too big for its type is as good as the
/// biggest: both are beyond every cap.
pub(super) fn parse_decimal(text: &str) -> Option<u32> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let is_plain = is_plain && !text.is_empty() && (text == "0" || !text.starts_with('0'));
    is_plain.then(|| text.parse().unwrap_or(u32::MAX))
}

/// bcrypt's two digits.
pub(super) fn parse_bcrypt_cost(text: &str) -> Option<u32> {
    let is_plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_plain { text.parse().ok() } else { None }
}
