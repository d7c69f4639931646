//! `vestibule config`: what would be in force, without starting anything.

use super::{exit::Exit, output};
use crate::config::{Config, ConfigProblems, Environment, Flags};

/// Says whether `serve` would accept the configuration, and what it would warn of.
pub(super) fn check(flags: &Flags, environment: &Environment) -> Result<Exit, ConfigProblems> {
    let config = Config::load(flags, environment)?;
    for warning in &config.warnings {
        output::answer(&format_args!("warning: {warning}"));
    }
    output::answer(&"the configuration is valid");
    Ok(Exit::Done)
}

/// Prints every value with its source.
pub(super) fn show(flags: &Flags, environment: &Environment) -> Result<Exit, ConfigProblems> {
    let config = Config::load(flags, environment)?;
    output::answer(&config.shown().trim_end());
    Ok(Exit::Done)
}
