//! The section `sessions`.

use std::time::Duration;

use super::{Key, key::KeyDefault::Value, parse, reader::Reader};
use crate::domain::SessionLimits;

/// `VESTIBULE_SESSIONS_LIFETIME`, default `30d`.
const LIFETIME: Key = Key::new(
    "sessions",
    "lifetime",
    Value("30d"),
    "How long a session lives at most: 1s to 365d",
);

/// `VESTIBULE_SESSIONS_IDLE`, default `14d`.
const IDLE: Key = Key::new(
    "sessions",
    "idle",
    Value("14d"),
    "How long a session lives without being seen: 1m to 365d",
);

/// `VESTIBULE_SESSIONS_PER_USER`, default `100`.
const PER_USER: Key = Key::new(
    "sessions",
    "per_user",
    Value("100"),
    "Live sessions of one user; one more ends the oldest: 1 to 10000",
);

/// `VESTIBULE_SESSIONS_LAST_SEEN_INTERVAL`, default `1m`.
const LAST_SEEN_INTERVAL: Key = Key::new(
    "sessions",
    "last_seen_interval",
    Value("1m"),
    "How often it is stored when sessions were seen: 1s to a twentieth of idle",
);

/// `VESTIBULE_SESSIONS_KEEP_ENDED`, default `7d`.
const KEEP_ENDED: Key = Key::new(
    "sessions",
    "keep_ended",
    Value("7d"),
    "How long an ended session is answered as ended, before it is unknown: 1s to 365d",
);

/// `VESTIBULE_SESSIONS_REAUTHENTICATION`, default `10m`.
const REAUTHENTICATION: Key = Key::new(
    "sessions",
    "reauthentication",
    Value("10m"),
    "How long after a proof of the password a session may end others: 1m to 365d",
);

pub(super) const KEYS: &[&Key] = &[
    &LIFETIME,
    &IDLE,
    &PER_USER,
    &LAST_SEEN_INTERVAL,
    &KEEP_ENDED,
    &REAUTHENTICATION,
];

pub(super) struct SessionsSection {
    pub(super) limits: SessionLimits,
    pub(super) last_seen_interval: Duration,
    pub(super) keep_ended: Duration,
    pub(super) reauthentication: Duration,
}

pub(super) fn read_section(reader: &mut Reader<'_>) -> Option<SessionsSection> {
    let lifetime = reader.read(&LIFETIME, parse::duration("1s"..="365d"));
    let idle = reader.read(&IDLE, parse::duration("1m"..="365d"));
    let per_user = reader.read(&PER_USER, parse::number(1..=10_000));
    let last_seen_interval = read_last_seen_interval(reader, idle);
    let keep_ended = reader.read(&KEEP_ENDED, parse::duration("1s"..="365d"));
    let reauthentication = reader.read(&REAUTHENTICATION, parse::duration("1m"..="365d"));
    Some(SessionsSection {
        limits: SessionLimits {
            lifetime: lifetime?,
            idle: idle?,
            per_user: per_user?,
        },
        last_seen_interval: last_seen_interval?,
        keep_ended: keep_ended?,
        reauthentication: reauthentication?,
    })
}

/// A use of a session that is not stored yet does not count, so the interval must be a small part of
/// the idle limit.
fn read_last_seen_interval(reader: &mut Reader<'_>, idle: Option<Duration>) -> Option<Duration> {
    let interval = reader.read(&LAST_SEEN_INTERVAL, parse::duration("1s"..="365d"))?;
    if idle.is_none_or(|idle| interval <= idle / 20) {
        return Some(interval);
    }
    reader.report_chosen(
        [&LAST_SEEN_INTERVAL, &IDLE],
        "sessions.last_seen_interval is longer than a twentieth of sessions.idle",
        "lower sessions.last_seen_interval or raise sessions.idle",
    );
    None
}
