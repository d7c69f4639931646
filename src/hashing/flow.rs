//! Whose work a job is. Flows are served in turn, so that nobody's flood holds up the others.

use crate::domain::{CallerName, Source};

/// The one for whom jobs are computed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Flow {
    /// A named caller.
    Caller(CallerName),
    /// A source of calls without a named caller.
    Source(Source),
    /// Everybody else together.
    #[default]
    Rest,
}
