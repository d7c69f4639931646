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

pub(super) const KEYS: &[&Key] = &[&MIN_LENGTH];

pub(super) fn read_section(reader: &mut Reader<'_>) -> Option<PasswordPolicy> {
    let min_length = reader.read(
        &MIN_LENGTH,
        parse::number(PasswordPolicy::MIN_LENGTH_FLOOR..=PasswordPolicy::MAX_LENGTH),
    );
    Some(PasswordPolicy {
        min_length: min_length?,
    })
}
