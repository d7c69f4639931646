//! The section `events`.

use std::time::Duration;

use super::{Key, key::KeyDefault::Value, parse, reader::Reader};

/// `VESTIBULE_EVENTS_KEEP`, default `400d`.
const KEEP: Key = Key::new(
    "events",
    "keep",
    Value("400d"),
    "How long an event is kept: 1s to 3650d",
);

/// `VESTIBULE_EVENTS_KEEP_ADDRESSES`, default `90d`.
const KEEP_ADDRESSES: Key = Key::new(
    "events",
    "keep_addresses",
    Value("90d"),
    "How long address and user agent in an event are kept: 1s to 3650d",
);

pub(super) const KEYS: &[&Key] = &[&KEEP, &KEEP_ADDRESSES];

pub(super) struct EventsSection {
    pub(super) keep: Duration,
    pub(super) keep_addresses: Duration,
}

pub(super) fn read_section(reader: &mut Reader<'_>) -> Option<EventsSection> {
    let keep = reader.read(&KEEP, parse::duration("1s"..="3650d"));
    let keep_addresses = reader.read(&KEEP_ADDRESSES, parse::duration("1s"..="3650d"));
    Some(EventsSection {
        keep: keep?,
        keep_addresses: keep_addresses?,
    })
}
