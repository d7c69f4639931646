//! The binary: parses the command line and runs its command. Exit codes 0, 1 and 64.

use std::process::ExitCode;

use vestibule::{cli, config::Environment};

fn main() -> ExitCode {
    match cli::parse(std::env::args_os()) {
        Ok(command) => command.run(&Environment::from_process()).into(),
        Err(error) => cli::report(&error).into(),
    }
}
