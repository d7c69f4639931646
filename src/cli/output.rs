//! Standard output and standard error, for what commands answer; logs have their own way.
//!
//! A reader that has gone (`vestibule config show | head -1`) is no failure.

use std::{
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
