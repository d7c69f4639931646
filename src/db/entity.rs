//! The rows as the database has them. Private to `db`: what leaves it are domain types.

pub(super) mod callers;
pub(super) mod erased_users;
pub(super) mod events;
pub(super) mod mail_intents;
pub(super) mod one_time_tokens;
pub(super) mod server_keys;
pub(super) mod session_secrets;
pub(super) mod sessions;
pub(super) mod users;

use crate::domain::Timestamp;
use chrono::DateTime;

/// An instant as stored: microseconds since the Unix epoch, on both databases.
pub(super) fn to_micros(instant: Timestamp) -> i64 {
    instant.timestamp_micros()
}

/// What no row can hold reads as the epoch: long past, so it opens nothing.
pub(super) fn from_micros(micros: i64) -> Timestamp {
    DateTime::from_timestamp_micros(micros).unwrap_or(DateTime::UNIX_EPOCH)
}
