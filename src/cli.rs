//! The command line, and one file for each command.

mod args;
mod backup;
mod breached;
mod calibrate;
mod caller;
mod command;
mod config;
mod confine;
mod error;
mod exit;
mod export;
mod healthcheck;
mod import;
mod migrate;
mod operator;
mod output;
mod progress;
mod restored;
mod runtime;
mod serve;
mod signals;
mod users;
mod version;

pub use command::{Command, parse, report};
pub use exit::Exit;

use crate::config::Environment;

impl Command {
    /// Runs the command to its end.
    pub fn run(self, environment: &Environment) -> Exit {
        let outcome = match self {
            Self::Serve(flags) => serve::run(&flags, environment),
            Self::Migrate(flags, step) => migrate::run(&flags, environment, step),
            Self::Backup(flags, to) => backup::run(&flags, environment, &to),
            Self::Restored(flags, args) => restored::run(&flags, environment, &args),
            Self::Caller(flags, args) => caller::run(&flags, environment, args),
            Self::CallerMethods => Ok(caller::run_methods()),
            Self::Users(flags, args) => users::run(&flags, environment, args),
            Self::Import(flags, args) => import::run(&flags, environment, &args),
            Self::Export(flags, args) => export::run(&flags, environment, &args),
            Self::Healthcheck(flags) => healthcheck::run(&flags, environment),
            Self::ConfigCheck(flags) => config::check(&flags, environment),
            Self::ConfigShow(flags) => config::show(&flags, environment),
            Self::Calibrate(flags, args) => calibrate::run(&flags, environment, args),
            Self::Breached(args) => Ok(breached::run(&args)),
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
