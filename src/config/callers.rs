//! The section `callers`.

use super::{Key, key::Default::Value, parse, reader::Reader};
use crate::transport::AuthServiceAccess;

/// `VESTIBULE_CALLERS_AUTH_SERVICE`, default `open`.
const AUTH_SERVICE: Key = Key::new(
    "callers",
    "auth_service",
    Value("open"),
    "Who may call AuthService, AccountService and REST: open or named",
);

pub(super) const KEYS: &[&Key] = &[&AUTH_SERVICE];

const WORDS: [(&str, AuthServiceAccess); 2] = [
    ("open", AuthServiceAccess::Open),
    ("named", AuthServiceAccess::Named),
];

pub(super) fn read(reader: &mut Reader<'_>) -> Option<AuthServiceAccess> {
    reader.read(&AUTH_SERVICE, parse::word(&WORDS))
}

/// Whether whoever reaches a port may call, as far as the key can be read.
pub(super) fn is_open(reader: &Reader<'_>) -> bool {
    reader
        .values
        .get(&AUTH_SERVICE)
        .is_some_and(|value| value.text == "open")
}
