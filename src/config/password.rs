//! The section `password`.

use std::{path::PathBuf, sync::Arc};

use super::{
    Key,
    key::KeyDefault::{Described, Value},
    parse,
    problem::ConfigFault,
    reader::Reader,
};
use crate::{auth::BreachedPasswords, domain::PasswordPolicy};

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

/// `VESTIBULE_PASSWORD_BREACHED`, default: none.
const BREACHED: Key = Key::new(
    "password",
    "breached",
    Described("none"),
    "List of breached passwords that nobody may set: a filter, a sorted file or a folder of ranges",
);

pub(super) const KEYS: &[&Key] = &[&MIN_LENGTH, &MIN_STRENGTH, &BREACHED];

pub(super) struct PasswordSection {
    pub(super) policy: PasswordPolicy,
    pub(super) breached: Option<Arc<BreachedPasswords>>,
}

pub(super) fn read_section(reader: &mut Reader<'_>) -> Option<PasswordSection> {
    let min_length = reader.read(
        &MIN_LENGTH,
        parse::number(PasswordPolicy::MIN_LENGTH_FLOOR..=PasswordPolicy::MAX_LENGTH),
    );
    let min_strength = reader.read(&MIN_STRENGTH, parse::number(0..=4));
    let breached = reader.read(&BREACHED, |text| {
        let list = BreachedPasswords::open(&PathBuf::from(text));
        list.map(Arc::new).map_err(|fault| {
            let wrong = format!("{text} is no list of breached passwords: {fault}");
            ConfigFault::new(
                wrong,
                "make one with `vestibule breached build`, or unset it",
            )
        })
    });
    if breached.is_none() && reader.is_set(&BREACHED) {
        return None;
    }
    Some(PasswordSection {
        policy: PasswordPolicy {
            min_length: min_length?,
            min_strength: min_strength?,
        },
        breached,
    })
}
