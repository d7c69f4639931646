//! The section `lifecycle`.

use std::time::Duration;

use super::{Key, key::KeyDefault::Value, parse, reader::Reader};

/// `VESTIBULE_LIFECYCLE_DRAIN_DELAY`, default `5s`.
const DRAIN_DELAY: Key = Key::new(
    "lifecycle",
    "drain_delay",
    Value("5s"),
    "How long calls are served as before after SIGTERM: up to 10m",
)
.with_dev_default("0s");

/// `VESTIBULE_LIFECYCLE_GRACE`, default `20s`.
const GRACE: Key = Key::new(
    "lifecycle",
    "grace",
    Value("20s"),
    "How long calls may take to finish after that: up to 10m",
);

pub(super) const KEYS: &[&Key] = &[&DRAIN_DELAY, &GRACE];

pub(super) struct LifecycleSection {
    pub(super) drain_delay: Duration,
    pub(super) grace: Duration,
}

pub(super) fn read_section(reader: &mut Reader<'_>) -> Option<LifecycleSection> {
    let drain_delay = reader.read(&DRAIN_DELAY, parse::duration("0"..="10m"));
    let grace = reader.read(&GRACE, parse::duration("0"..="10m"));
    Some(LifecycleSection {
        drain_delay: drain_delay?,
        grace: grace?,
    })
}
