//! Why a command did not do its work: one form for whatever went wrong, because an operator reads it
//! and nothing branches on it.

use std::error::Error;

use super::exit::Exit;
use crate::telemetry::chain;

/// A line for standard error, and the exit status. Not itself an `Error`, so that `?` makes it from
/// every error.
pub(super) struct CommandError {
    pub(super) exit: Exit,
    pub(super) message: String,
}

impl CommandError {
    /// Exit 1.
    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Failed,
            message: message.into(),
        }
    }

    /// Exit 64.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            message: message.into(),
        }
    }

    /// The command loses data and was given without `--yes`.
    pub(super) fn needs_yes(consequence: &str) -> Self {
        Self::usage(format!("{consequence}; repeat it with --yes"))
    }

    /// Says first what the failure means for the command.
    pub(super) fn context(mut self, consequence: &str) -> Self {
        self.message = format!("{consequence}: {}", self.message);
        self
    }
}

impl<E: Error> From<E> for CommandError {
    fn from(error: E) -> Self {
        Self::failed(chain(&error))
    }
}
