//! The arguments of `vestibule calibrate`.

use std::time::Duration;

use clap::{Arg, ArgMatches, value_parser};

use super::Request;
use crate::{
    cli::arguments::command,
    config::{Key, parse_duration},
    hashing::calibration::Wanted,
};

const SECONDS: &str = "seconds";
const LOGINS: &str = "logins-per-second";
const LATENCY: &str = "latency";
const VERIFY_RATE: &str = "verify-rate";

const AFTER_HELP: &str = "\
Prints hashes per second and the memory needed, for each cost, and settings to paste. With
--verify-rate it puts the settings in force under load instead, and says whether they bear it.

Exit codes: 0 done, 1 nothing suits or the load was not borne, 64 faulty usage or configuration.";

pub(in crate::cli) fn subcommand() -> clap::Command {
    command("calibrate", "Measure what passwords cost on this machine")
        .after_help(AFTER_HELP)
        .arg(
            argument(LOGINS, "N", "Logins a second that the settings shall bear")
                .default_value("10")
                .value_parser(value_parser!(u32).range(1..=1_000_000)),
        )
        .arg(
            argument(LATENCY, "TIME", "Longest that the hash of a login may take")
                .default_value("250ms")
                .value_parser(latency),
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
            .value_parser(seconds),
        )
}

/// What it was asked to find out.
pub(in crate::cli) fn request(matches: &ArgMatches) -> Request {
    let number = |name| matches.get_one(name).copied();
    let time = |name| matches.get_one(name).copied();
    Request {
        time: time(SECONDS),
        // Both have defaults.
        wanted: Wanted {
            logins_per_second: number(LOGINS).unwrap_or_default(),
            latency: time(LATENCY).unwrap_or_default(),
        },
        verify_rate: number(VERIFY_RATE),
    }
}

/// It looks at the settings of hashing alone.
pub(in crate::cli) fn reads(key: &Key) -> bool {
    key.section == "hashing"
}

fn argument(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).help(help)
}

fn latency(text: &str) -> Result<Duration, &'static str> {
    parse_duration(text)
        .filter(|latency| !latency.is_zero())
        .ok_or("write a whole number and ms or s, such as 250ms")
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    text.parse()
        .ok()
        .filter(|seconds| (0.01..=60.0).contains(seconds))
        .map(Duration::from_secs_f64)
        .ok_or("write a number from 0.01 to 60")
}
