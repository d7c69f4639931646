//! `vestibule version`: which build this is.

use super::{exit::Exit, output};
use crate::{COMMIT, RELEASE};

/// The release and its commit.
pub(super) fn render() -> String {
    format!("{RELEASE} ({COMMIT})")
}

pub(super) fn run() -> Exit {
    output::answer(&format_args!("vestibule {}", render()));
    Exit::Done
}
