//! How far a command is, shown on a terminal: on standard error alone.

use std::{
    fmt::Display,
    io::{self, IsTerminal as _},
};

use indicatif::{ProgressBar, ProgressStyle};

use super::output;

/// Steps are bytes, rows or logins, of which nobody wants to know how many.
const TEMPLATE: &str = "{wide_bar} {percent:>3} %, {eta} left";

pub(super) struct Progress(ProgressBar);

impl Progress {
    /// Nothing of so many steps is done.
    pub(super) fn new(steps: u64) -> Self {
        if !io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let style = ProgressStyle::with_template(TEMPLATE);
        Self(
            ProgressBar::new(steps)
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())),
        )
    }

    /// One more step is done.
    pub(super) fn advance(&self) {
        self.0.inc(1);
    }

    /// So many steps are done.
    pub(super) fn reach(&self, step: u64) {
        self.0.set_position(step);
    }

    /// A line of the answer.
    pub(super) fn print(&self, line: &dyn Display) {
        self.0.suspend(|| output::answer(line));
    }

    /// One more step is done, and this is its answer.
    pub(super) fn print_and_advance(&self, line: &dyn Display) {
        self.print(line);
        self.advance();
    }

    pub(super) fn clear(&self) {
        self.0.finish_and_clear();
    }
}
