//! A goal, and the figure that is held to it.

use serde::Serialize;

use Bound::{AtLeast, AtMost, Below};

/// Where databases differ, each has a goal of its own.
#[derive(Serialize)]
pub(crate) struct Goal {
    pub(crate) figure: String,
    pub(crate) bound: Bound,
    pub(crate) reached: f64,
    pub(crate) met: bool,
}

/// What a figure is held to.
#[derive(Clone, Copy, Serialize)]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
    Below(f64),
}

impl Goal {
    pub(crate) fn new(figure: impl Into<String>, bound: Bound, reached: f64) -> Self {
        let met = match bound {
            AtLeast(least) => reached >= least,
            AtMost(most) => reached <= most,
            Below(limit) => reached < limit,
        };
        Self {
            figure: figure.into(),
            bound,
            reached,
            met,
        }
    }
}
