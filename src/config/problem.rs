//! Faults of the configuration: which key, where it came from, what is wrong and what to do.

use std::fmt;

/// A parser's fault, not yet tied to a key. It never quotes a secret.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ConfigFault {
    pub(super) wrong: String,
    pub(super) fix: String,
}

impl ConfigFault {
    pub(super) fn new(wrong: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            wrong: wrong.into(),
            fix: fix.into(),
        }
    }
}

/// A fault with its place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ConfigProblem {
    /// The key, such as `grpc.listen`, or the unknown name itself.
    pub(crate) key: String,
    /// A flag, a variable, a file's line or the default, in words.
    pub(crate) source: String,
    pub(crate) wrong: String,
    pub(crate) fix: String,
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            key,
            source,
            wrong,
            fix,
        } = self;
        write!(f, "{key} ({source}): {wrong}; {fix}")
    }
}

/// Every fault; at least one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ConfigProblems(pub(crate) Vec<ConfigProblem>);

impl fmt::Display for ConfigProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        let s = if count == 1 { "" } else { "s" };
        write!(f, "{count} fault{s} in the configuration")?;
        self.0
            .iter()
            .try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for ConfigProblems {}

/// The known name that an unknown one is probably a misspelling of.
pub(crate) fn nearest_name(unknown: &str, known: impl Iterator<Item = String>) -> Option<String> {
    /// The most edits between a name and its misspelling.
    const EDITS_MAX: usize = 3;
    known
        .map(|name| (strsim::damerau_levenshtein(unknown, &name), name))
        .min()
        .filter(|(distance, _)| *distance <= EDITS_MAX)
        .map(|(_, name)| name)
}
