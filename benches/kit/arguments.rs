//! The command line of the kit.

use std::{env, time::Duration};

use crate::{Result, load::Window, store::Database};

pub(crate) const HELP: &str = "make bench [ONLY=logins,checks,…] [DB=sqlite|postgres] [QUICK=1]

  logins    raw argon2 rate, ValidLogin, RegisterUser, CreateSession
  checks    empty RPC (bare and through the edge), ValidateSession
  storm     ValidateSession while logins saturate the machine, and alone
  overload  ten times the login capacity
  growth    ValidLogin and ValidateSession at 1 k, 100 k and 1 M users
  process   memory, start, size of the binary
  sodium    raw argon2 rate beside libsodium's, where libsodium is installed

QUICK=1 takes a second per figure and 10 k users at most: to try the kit, not to quote it.
VESTIBULE_* variables and GLIBC_TUNABLES reach the server and are printed.";

pub(crate) enum Command {
    Measure(RunOptions),
    /// Run the bare server, which answers an empty RPC and does nothing else.
    ServeBare,
    Help,
}

/// What to measure.
pub(crate) struct RunOptions {
    only: Vec<String>,
    database: Option<Database>,
    /// Short windows and few users.
    pub(crate) quick: bool,
}

impl RunOptions {
    pub(crate) fn includes_scenario(&self, scenario: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == scenario)
    }

    pub(crate) fn includes_database(&self, database: Database) -> bool {
        self.database.is_none_or(|wanted| wanted == database)
    }

    /// Whether everything is measured at full length: only then are the plots kept.
    pub(crate) fn is_complete(&self) -> bool {
        self.only.is_empty() && self.database.is_none() && !self.quick
    }

    pub(crate) fn window(&self) -> Window {
        let milliseconds = |warm_up, measured| Window {
            warm_up: Duration::from_millis(warm_up),
            measured: Duration::from_millis(measured),
        };
        if self.quick {
            milliseconds(300, 1_000)
        } else {
            milliseconds(1_000, 6_000)
        }
    }

    /// The numbers of users at which growth is measured.
    pub(crate) fn sizes(&self) -> &'static [u64] {
        if self.quick {
            &[1_000, 10_000]
        } else {
            &[1_000, 100_000, 1_000_000]
        }
    }
}

const SCENARIOS: [&str; 7] = [
    "logins", "checks", "storm", "overload", "growth", "process", "sodium",
];

/// Parses the arguments, among which cargo adds `--bench`.
pub(crate) fn parse_arguments() -> Result<Command> {
    let mut options = RunOptions {
        only: Vec::new(),
        database: None,
        quick: false,
    };
    for argument in env::args().skip(1) {
        match argument.split_once('=').unwrap_or((&argument, "")) {
            ("--bench", "") => {}
            ("--quick", "") => options.quick = true,
            ("--only", names) => options.only = parse_scenarios(names)?,
            ("--db", name) => options.database = Some(name.parse()?),
            ("--serve-bare", "") => return Ok(Command::ServeBare),
            ("--help" | "-h", "") => return Ok(Command::Help),
            _ => return Err(format!("bench: unknown argument {argument}").into()),
        }
    }
    Ok(Command::Measure(options))
}

fn parse_scenarios(names: &str) -> Result<Vec<String>> {
    let names: Vec<_> = names.split(',').map(str::to_owned).collect();
    match names
        .iter()
        .find(|name| !SCENARIOS.contains(&name.as_str()))
    {
        Some(unknown) => Err(format!("bench: there is no scenario {unknown}").into()),
        None => Ok(names),
    }
}
