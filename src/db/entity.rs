//! The rows as the database has them. Private to `db`, which returns domain types.

pub(super) mod callers;
pub(super) mod erased_users;
pub(super) mod events;
pub(super) mod mail_intents;
pub(super) mod one_time_tokens;
pub(super) mod server_keys;
pub(super) mod session_secrets;
pub(super) mod sessions;
pub(super) mod throttles;
pub(super) mod users;

use std::time::Duration;

use chrono::DateTime;

use crate::domain::{ClientInfo, Timestamp};

/// A time as both databases store it: microseconds since the Unix epoch.
pub(super) fn to_micros(time: Timestamp) -> i64 {
    time.timestamp_micros()
}

/// A duration in microseconds.
pub(super) fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

/// The client of a row. Its source was of use when the row was written.
pub(super) fn client(ip: Option<String>, user_agent: Option<String>) -> ClientInfo {
    ClientInfo {
        ip: ip.and_then(|ip| ip.parse().ok()),
        user_agent,
        source: None,
    }
}

/// A value beyond the range of a time reads as the Unix epoch, which is long past and opens nothing.
pub(super) fn from_micros(micros: i64) -> Timestamp {
    DateTime::from_timestamp_micros(micros).unwrap_or(DateTime::UNIX_EPOCH)
}
