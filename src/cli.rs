//! The command line: what it says, and one file for each sub-command.

mod arguments;
mod backup;
mod calibrate;
mod caller;
mod config;
mod exit;
mod export;
mod healthcheck;
mod import;
mod migrate;
mod output;
mod progress;
mod runtime;
mod serve;
mod signals;
mod users;
mod version;

pub use arguments::{Command, parse, usage};
pub use exit::Exit;

use crate::config::Environment;

impl Command {
    /// Does what the command line says.
    pub fn run(self, environment: &Environment) -> Exit {
        let outcome = match self {
            Self::Serve(flags) => serve::run(&flags, environment),
            Self::Migrate(flags, step) => migrate::run(&flags, environment, step),
            Self::Backup(flags, to) => backup::run(&flags, environment, &to),
            Self::Caller(flags, request) => caller::run(&flags, environment, request),
            Self::Users(flags, request) => users::run(&flags, environment, request),
            Self::Import(flags, request) => import::run(&flags, environment, request),
            Self::Export(flags, request) => export::run(&flags, environment, &request),
            Self::Healthcheck(flags) => healthcheck::run(&flags, environment),
            Self::ConfigCheck(flags) => config::check(&flags, environment),
            Self::ConfigShow(flags) => config::show(&flags, environment),
            Self::Calibrate(flags, request) => calibrate::run(&flags, environment, request),
            Self::Version => Ok(version::run()),
        };
        outcome.unwrap_or_else(|problems| {
            output::error(&problems);
            Exit::Usage
        })
    }
}

#[cfg(test)]
mod tests;
