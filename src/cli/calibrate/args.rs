//! The arguments of `vestibule calibrate`.

use std::time::Duration;

use clap::{Arg, ArgMatches, Command, value_parser};

use crate::{cli::args::optional, config::parse_duration, hashing::calibration::LoginTarget};

const SECONDS: &str = "seconds";
const LOGINS: &str = "logins-per-second";
const LATENCY: &str = "latency";
const VERIFY_RATE: &str = "verify-rate";

const AFTER_HELP: &str = "\
Prints hashes per second and the memory needed, for each cost, and settings to paste. With \
--verify-rate it puts the settings in force under load instead, and says whether they bear it.\n\n\
Exit codes: 0 done, 1 nothing suits or the load was not borne, 64 faulty usage or \
configuration.";

/// What to find out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CalibrateArgs {
    /// How long to measure each cost, or to load the engine.
    pub time: Option<Duration>,
    /// What the recommended settings have to give.
    pub wanted: LoginTarget,
    /// Verify so many passwords a second with the settings in force, instead of measuring costs.
    pub verify_rate: Option<u32>,
}

pub(in crate::cli) fn command() -> Command {
    Command::new("calibrate")
        .about("Measure what passwords cost on this machine")
        .after_help(AFTER_HELP)
        .arg(
            argument(LOGINS, "N", "Logins a second that the settings shall bear")
                .default_value("10")
                .value_parser(value_parser!(u32).range(1..=1_000_000)),
        )
        .arg(
            argument(LATENCY, "TIME", "Longest that the hash of a login may take")
                .default_value("250ms")
                .value_parser(parse_latency),
        )
        .arg(
            argument(
                VERIFY_RATE,
                "N",
                "Verify so many passwords a second, and measure nothing else",
            )
            .conflicts_with(LOGINS)
            .value_parser(value_parser!(u32).range(1..=10_000)),
        )
        .arg(
            argument(
                SECONDS,
                "S",
                "Time for each figure [default: 0.5, or 5 with --verify-rate]",
            )
            .value_parser(parse_seconds),
        )
}

pub(in crate::cli) fn parse_args(matches: &ArgMatches) -> CalibrateArgs {
    CalibrateArgs {
        time: optional(matches, SECONDS),
        // Both have defaults.
        wanted: LoginTarget {
            logins_per_second: optional(matches, LOGINS).unwrap_or_default(),
            latency: optional(matches, LATENCY).unwrap_or_default(),
        },
        verify_rate: optional(matches, VERIFY_RATE),
    }
}

fn argument(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).help(help)
}

fn parse_latency(text: &str) -> Result<Duration, &'static str> {
    parse_duration(text)
        .filter(|latency| !latency.is_zero())
        .ok_or("write a whole number and ms or s, such as 250ms")
}

fn parse_seconds(text: &str) -> Result<Duration, &'static str> {
    text.parse()
        .ok()
        .filter(|seconds| (0.01..=60.0).contains(seconds))
        .map(Duration::from_secs_f64)
        .ok_or("write a number from 0.01 to 60")
}
