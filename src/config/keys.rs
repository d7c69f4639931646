//! The list of every key. Flags, variables, file keys, `config show` and the check of
//! `docs/configuration.md` follow from it.

use super::{
    callers, database, events, grpc, hashing, key::Key, lifecycle, log, mail, operations, password,
    rest, sessions, smtp, throttle, tls,
};

/// Every key, section by section.
pub fn keys() -> impl Iterator<Item = &'static Key> {
    const SECTIONS: [&[&Key]; 15] = [
        grpc::KEYS,
        rest::KEYS,
        tls::KEYS,
        callers::KEYS,
        operations::KEYS,
        database::KEYS,
        hashing::KEYS,
        password::KEYS,
        sessions::KEYS,
        throttle::KEYS,
        events::KEYS,
        smtp::KEYS,
        mail::KEYS,
        lifecycle::KEYS,
        log::KEYS,
    ];
    SECTIONS.into_iter().flatten().copied()
}
