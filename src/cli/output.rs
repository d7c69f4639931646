//! Standard output and standard error, for what commands print; logs have their own way.
//!
//! A reader that has gone (`vestibule config show | head -1`) is no failure.

use std::{
    fmt::Display,
    io::{self, Write as _},
};

use chrono::SecondsFormat;

use crate::domain::Timestamp;

/// Prints an answer on standard output.
pub(super) fn answer(text: &dyn Display) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// Prints a note or an error on standard error.
pub(super) fn error(text: &dyn Display) {
    let _ = writeln!(io::stderr().lock(), "vestibule: {text}");
}

/// A time for people, to the second.
pub(super) fn render_time(time: Timestamp) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
