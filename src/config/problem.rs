//! Faults of the configuration: which key, where it came from, what is wrong and what to do.

use std::fmt;

/// What a parser says about a text. It never quotes a secret.
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

/// One fault.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    /// The key, such as `grpc.listen`, or the unknown name itself.
    pub key: String,
    /// Where the value came from: a flag, a variable, a file's line, the default.
    pub source: String,
    /// What is wrong with it.
    pub wrong: String,
    /// What to do.
    pub fix: String,
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

/// Every fault there is; at least one.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigProblems(pub Vec<ConfigProblem>);

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

/// The name that was probably meant, as words to append to a fault: empty when nothing is near.
pub(super) fn nearest_name(unknown: &str, known: impl Iterator<Item = String>) -> Option<String> {
    /// Two names this many edits apart are a slip of the hand, further ones another thing.
    const SLIPS_MAX: usize = 3;
    known
        .map(|name| (strsim::damerau_levenshtein(unknown, &name), name))
        .min()
        .filter(|(distance, _)| *distance <= SLIPS_MAX)
        .map(|(_, name)| name)
}
