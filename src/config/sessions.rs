//! The section `sessions`.

use std::time::Duration;

use super::{Key, key::Default::Value, parse, reader::Reader};

/// `VESTIBULE_SESSIONS_LIFETIME`, default `30d`.
const LIFETIME: Key = Key::new(
    "sessions",
    "lifetime",
    Value("30d"),
    "How long a session lives at most: 1s to 365d",
);

/// `VESTIBULE_SESSIONS_KEEP_ENDED`, default `7d`.
const KEEP_ENDED: Key = Key::new(
    "sessions",
    "keep_ended",
    Value("7d"),
    "How long an ended session is still told from an unknown one: 1s to 365d",
);

pub(super) const KEYS: &[&Key] = &[&LIFETIME, &KEEP_ENDED];

pub(super) struct Sessions {
    pub(super) lifetime: Duration,
    pub(super) keep_ended: Duration,
}

pub(super) fn read(reader: &mut Reader<'_>) -> Option<Sessions> {
    let lifetime = reader.read(&LIFETIME, parse::duration("1s"..="365d"));
    let keep_ended = reader.read(&KEEP_ENDED, parse::duration("1s"..="365d"));
    Some(Sessions {
        lifetime: lifetime?,
        keep_ended: keep_ended?,
    })
}
