//! `vestibule calibrate`: what a password costs on this machine, which settings suit it, and whether
//! those in force bear a number of logins.

mod args;
mod measurement;
mod report;

use std::time::Duration;

use tokio::runtime;

use super::{exit::Exit, output, progress::Progress};
use crate::{
    config::{self, ConfigProblems, Environment, Flags},
    hashing::{
        Hasher, HashingSettings,
        calibration::{
            self, COSTS, Cost, LoadResult, Measurement, check_free_memory, fastest, recommend,
        },
        free_memory, memory_limit,
    },
    telemetry,
};

pub(super) use args::{CalibrateArgs, command, parse_args};
use measurement::measure_both;

/// For each figure of the table, unless told otherwise: all of it takes some 15 seconds.
const MEASURING: Duration = Duration::from_millis(500);
/// For a load, unless told otherwise.
const LOADING: Duration = Duration::from_secs(5);

/// Measures, and recommends or judges.
///
/// # Errors
/// The configuration is faulty; nothing was measured.
pub(super) fn run(
    flags: &Flags,
    environment: &Environment,
    args: CalibrateArgs,
) -> Result<Exit, ConfigProblems> {
    let settings = config::hashing_settings(flags, environment)?;
    Ok(match args.verify_rate {
        Some(rate) => verify_load(settings, rate, args),
        None => compare_costs(settings, args),
    })
}

/// Measures the costs one by one and recommends one of them.
fn compare_costs(in_force: HashingSettings, args: CalibrateArgs) -> Exit {
    let limit = memory_limit();
    output::answer(&report::render_heading(limit));
    let costs = list_costs(in_force);
    let progress = Progress::new(costs.len() as u64);
    let mut measured: Vec<Measurement> = Vec::new();
    for (cost, origin) in costs {
        let time = args.time.unwrap_or(MEASURING);
        let outcome = measure_both(cost, time, limit, measured.last());
        progress.print_and_advance(&report::render_row(cost, &origin, &outcome));
        measured.extend(outcome);
    }
    progress.clear();
    if let Some(best) = recommend(&measured, args.wanted, limit) {
        output::answer(&report::render_recommendation(best, args.wanted));
        Exit::Done
    } else {
        output::error(&report::explain_no_recommendation(
            fastest(&measured, limit),
            args.wanted,
        ));
        Exit::Failed
    }
}

/// What there is to measure: the known costs and, if it is none of them, the one in force.
fn list_costs(in_force: HashingSettings) -> Vec<(Cost, String)> {
    let current = Cost::new(
        in_force.memory_kib,
        in_force.iterations,
        in_force.parallelism,
    );
    let mut costs: Vec<_> = COSTS
        .map(|(cost, origin)| (cost, origin.to_owned()))
        .to_vec();
    if let Some((_, origin)) = costs.iter_mut().find(|(cost, _)| *cost == current) {
        let separator = if origin.is_empty() { "" } else { ", " };
        *origin = format!("{origin}{separator}in force");
    } else {
        costs.insert(0, (current, "in force".to_owned()));
    }
    costs
}

/// Puts the engine under load with the settings in force, and judges what becomes of it.
fn verify_load(settings: HashingSettings, rate: u32, args: CalibrateArgs) -> Exit {
    let load = match measure_load(settings, rate, args.time.unwrap_or(LOADING)) {
        Ok(load) => load,
        Err(problem) => {
            output::error(&problem);
            return Exit::Failed;
        }
    };
    output::answer(&report::render_load(&settings, rate, &load));
    match report::find_fault(&load, args.wanted.latency) {
        None => Exit::Done,
        Some(fault) => {
            output::error(&fault);
            Exit::Failed
        }
    }
}

fn measure_load(
    settings: HashingSettings,
    rate: u32,
    time: Duration,
) -> Result<LoadResult, String> {
    check_free_memory(settings.memory(), free_memory()).map_err(|error| error.to_string())?;
    let hasher = Hasher::start(settings, None).map_err(|error| telemetry::chain(&error))?;
    let runtime = runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|error| error.to_string())?;
    let progress = Progress::new(calibration::count_arrivals(rate, time) as u64);
    let load = runtime.block_on(calibration::run_load(&hasher, rate, time, || {
        progress.advance();
    }));
    progress.clear();
    hasher.stop();
    Ok(load)
}

#[cfg(test)]
mod tests;
