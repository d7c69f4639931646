//! Two sizes of every expensive check: what CI bears, and what the scorecard asks for.

use std::{
    env,
    fmt::Display,
    io::{self, Write},
    time::Duration,
};

/// The size at which a check runs: `small` by default, `scorecard` with
/// `VESTIBULE_CHECKS=scorecard`.
pub(crate) fn scale(small: usize, scorecard: usize) -> usize {
    if is_scorecard() { scorecard } else { small }
}

/// Holds a time to its bound in `make checks` alone: a machine that is busy with other work breaks any
/// bound on wall-clock time.
#[track_caller]
pub(crate) fn assert_within(time: Duration, bound: Duration) {
    assert!(!is_scorecard() || time <= bound, "{time:?} > {bound:?}");
}

fn is_scorecard() -> bool {
    env::var("VESTIBULE_CHECKS").is_ok_and(|size| size == "scorecard")
}

/// Prints the figure of a check, one greppable line. Written by hand: of a test that passes, what it
/// prints is kept from the terminal.
pub(crate) fn figure(check: &str, what: impl Display) {
    let _ = writeln!(io::stderr(), "figure {check}: {what}");
}
