//! The section `password`.

use super::{Key, key::KeyDefault::Value, parse, reader::Reader};
use crate::domain::PasswordPolicy;

/// `VESTIBULE_PASSWORD_MIN_LENGTH`, default `8`.
const MIN_LENGTH: Key = Key::new(
    "password",
    "min_length",
    Value("8"),
    "Least characters of a new password: 8 to 128; 15 follows NIST SP 800-63B-4",
);

/// `VESTIBULE_PASSWORD_MIN_STRENGTH`, default `2`.
const MIN_STRENGTH: Key = Key::new(
    "password",
    "min_strength",
    Value("2"),
    "Least zxcvbn score of a new password: 0 (any) to 4; 2 is a million guesses",
);

pub(super) const KEYS: &[&Key] = &[&MIN_LENGTH, &MIN_STRENGTH];

pub(super) fn read_section(reader: &mut Reader<'_>) -> Option<PasswordPolicy> {
    let min_length = reader.read(
        &MIN_LENGTH,
        parse::number(PasswordPolicy::MIN_LENGTH_FLOOR..=PasswordPolicy::MAX_LENGTH),
    );
    let min_strength = reader.read(&MIN_STRENGTH, parse::number(0..=4));
    Some(PasswordPolicy {
        min_length: min_length?,
        min_strength: min_strength?,
    })
}
