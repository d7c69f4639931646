//! Standard output and standard error, for what commands answer; logs have their own way.
//!
//! A reader that has gone (`vestibule config show | head -1`) is no failure.

use std::{
    error::Error,
    fmt::Display,
    io::{self, Write as _},
};

/// One answer, on standard output.
pub(super) fn answer(text: &dyn Display) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// One complaint, on standard error.
pub(super) fn error(text: &dyn Display) {
    let _ = writeln!(io::stderr().lock(), "vestibule: {text}");
}

/// An error and its causes on one line, each text once: some errors quote their cause already.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}
