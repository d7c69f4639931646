//! `vestibule calibrate`: what a password costs on this machine, which settings suit it, and whether
//! those in force bear a number of logins.

mod args;
mod report;

use std::time::Duration;

use tokio::runtime;

use super::{exit::Exit, output, progress::Progress};
use crate::{
    config::{self, Environment, Flags, Problems},
    hashing::{
        DoesNotFit, Hasher, HashingSettings,
        calibration::{
            self, COSTS, Cost, Load, MeasureError, Measured, NoRoom, Wanted, fastest, has_room,
            measure, recommend,
        },
        fit, free_memory, memory_limit,
    },
    telemetry,
};

pub(super) use args::{reads, request, subcommand};

/// For each figure of the table, unless told otherwise: all of it takes some 15 seconds.
const MEASURING: Duration = Duration::from_millis(500);
/// For a load, unless told otherwise.
const LOADING: Duration = Duration::from_secs(5);
/// A figure may take this many times what it should, for the sake of a single hash.
const PATIENCE: u32 = 4;

/// What to find out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Request {
    /// How long to measure each figure, or to load the engine.
    time: Option<Duration>,
    /// What the recommended settings shall give.
    wanted: Wanted,
    /// So many verifications a second, with the settings in force, instead of a table.
    verify_rate: Option<u32>,
}

/// Why a cost was not measured.
#[derive(Debug, thiserror::Error)]
enum Unmeasured {
    #[error(transparent)]
    DoesNotFit(#[from] DoesNotFit),
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    #[error("a hash takes about {} ms; give it more --seconds", .0.as_millis())]
    TooSlow(Duration),
    #[error("{}", telemetry::chain(.0))]
    Failed(#[from] MeasureError),
}

/// Measures, and recommends or judges.
///
/// # Errors
/// The configuration is faulty; nothing was measured.
pub(super) fn run(
    flags: &Flags,
    environment: &Environment,
    request: Request,
) -> Result<Exit, Problems> {
    let settings = config::hashing_settings(flags, environment)?;
    Ok(match request.verify_rate {
        Some(rate) => verify(settings, rate, request),
        None => survey(settings, request),
    })
}

/// Measures the costs one by one and recommends one of them.
fn survey(in_force: HashingSettings, request: Request) -> Exit {
    let limit = memory_limit();
    output::answer(&report::heading(limit));
    let costs = costs(in_force);
    let progress = Progress::of(costs.len() as u64);
    let mut measured: Vec<Measured> = Vec::new();
    for (cost, origin) in costs {
        let time = request.time.unwrap_or(MEASURING);
        let outcome = measure_both(cost, time, limit, measured.last());
        progress.print_and_advance(&report::row(cost, &origin, &outcome));
        measured.extend(outcome);
    }
    progress.clear();
    if let Some(best) = recommend(&measured, request.wanted, limit) {
        output::answer(&report::recommendation(best, request.wanted));
        Exit::Done
    } else {
        output::error(&report::nothing(fastest(&measured, limit), request.wanted));
        Exit::Failed
    }
}

/// What there is to measure: the known costs and, if it is none of them, the one in force.
fn costs(in_force: HashingSettings) -> Vec<(Cost, String)> {
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

/// Measures with one thread and with as many as the machine bears; `known` tells what to expect.
fn measure_both(
    cost: Cost,
    time: Duration,
    limit: Option<u64>,
    known: Option<&Measured>,
) -> Result<Measured, Unmeasured> {
    let memory = cost.memory();
    fit(memory.workers, memory.memory_kib, limit)?;
    has_room(memory, free_memory())?;
    let expected = known.map_or(Duration::ZERO, |known| known.expect(cost));
    if expected > time * PATIENCE {
        return Err(Unmeasured::TooSlow(expected));
    }
    let alone = measure(cost, 1, time)?;
    let together = match memory.workers {
        1 => alone,
        workers => measure(cost, workers, time)?,
    };
    Ok(Measured {
        cost,
        alone,
        together,
    })
}

/// Puts the engine under load with the settings in force, and judges what becomes of it.
fn verify(settings: HashingSettings, rate: u32, request: Request) -> Exit {
    let load = match load(settings, rate, request.time.unwrap_or(LOADING)) {
        Ok(load) => load,
        Err(problem) => {
            output::error(&problem);
            return Exit::Failed;
        }
    };
    output::answer(&report::load(&settings, rate, &load));
    match report::fault(&load, request.wanted.latency) {
        None => Exit::Done,
        Some(fault) => {
            output::error(&fault);
            Exit::Failed
        }
    }
}

fn load(settings: HashingSettings, rate: u32, time: Duration) -> Result<Load, String> {
    has_room(settings.memory(), free_memory()).map_err(|error| error.to_string())?;
    let hasher = Hasher::start(settings, None).map_err(|error| telemetry::chain(&error))?;
    let runtime = runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|error| error.to_string())?;
    let progress = Progress::of(calibration::arrivals(rate, time) as u64);
    let load = runtime.block_on(calibration::verify_at(&hasher, rate, time, || {
        progress.advance();
    }));
    progress.clear();
    hasher.stop();
    Ok(load)
}

#[cfg(test)]
mod tests;
