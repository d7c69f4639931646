//! Where settings come from: the command line and the environment, both as plain values, so that no
//! test touches its own process.

use std::{collections::BTreeMap, ffi::OsString, path::PathBuf};

use super::Key;

/// Environment variables.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, OsString>);

impl Environment {
    /// The variables of this process: the one place that reads them.
    pub fn from_process() -> Self {
        std::env::vars_os().collect()
    }

    pub(super) fn get(&self, name: &str) -> Option<&OsString> {
        self.0.get(name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &OsString)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

impl<N: Into<OsString>, V: Into<OsString>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        Self(
            variables
                .into_iter()
                .map(|(name, value)| (name.into().to_string_lossy().into_owned(), value.into()))
                .collect(),
        )
    }
}

/// What the command line set.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--dev`: defaults for a try on one's own machine.
    pub dev: bool,
    /// `--config`: the TOML file.
    pub config: Option<PathBuf>,
    /// The keys that were given as flags.
    pub values: Vec<(&'static Key, String)>,
}

/// Where a value came from, in words that let somebody find it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ValueSource {
    Flag(String),
    Variable(String),
    File { path: PathBuf, line: usize },
    Dev,
    Default,
}

impl std::fmt::Display for ValueSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "--{flag}"),
            Self::Variable(variable) => f.write_str(variable),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Dev => f.write_str("default with --dev"),
            Self::Default => f.write_str("default"),
        }
    }
}
