//! `vestibule version`: which build this is.

use super::{exit::Exit, output};
use crate::server::{COMMIT, RELEASE};

/// The release, and the commit where the build knew it.
pub(super) fn text() -> String {
    match COMMIT {
        Some(commit) => format!("{RELEASE} ({commit})"),
        None => RELEASE.to_owned(),
    }
}

pub(super) fn run() -> Exit {
    output::answer(&format_args!("vestibule {}", text()));
    Exit::Done
}
