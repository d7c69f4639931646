//! The sources of settings: command line and environment as plain values, so that tests need not
//! change their own process.

use std::{collections::BTreeMap, ffi::OsString, path::PathBuf};

use super::Key;

#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, OsString>);

impl Environment {
    /// Reads the variables of this process; nothing else does.
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

/// The settings of a command line.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--dev`: defaults for development.
    pub dev: bool,
    /// `--config`: the TOML file.
    pub config: Option<PathBuf>,
    /// Each key that has a flag on the command line, with its text.
    pub values: Vec<(&'static Key, String)>,
}

/// Where a value came from. Its text names the flag, the variable or the line.
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
