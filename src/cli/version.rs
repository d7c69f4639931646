//! `vestibule version`: which build this is.

use super::{exit::Exit, output};

/// The release, and the commit where the build knew it (`VESTIBULE_COMMIT`).
pub(super) fn text() -> String {
    let release = env!("CARGO_PKG_VERSION");
    match option_env!("VESTIBULE_COMMIT") {
        Some(commit) => format!("{release} ({commit})"),
        None => release.to_owned(),
    }
}

pub(super) fn run() -> Exit {
    output::answer(&format_args!("vestibule {}", text()));
    Exit::Done
}
