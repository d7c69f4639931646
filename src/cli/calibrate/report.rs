//! What `vestibule calibrate` prints.

use std::{thread, time::Duration};

use super::measurement::Unmeasured;
use crate::hashing::{
    HashingSettings,
    calibration::{Acceptance, Cost, LoadResult, LoginTarget, Measurement},
};

const MIB: u64 = 1024 * 1024;

/// The machine, and the head of the table.
pub(super) fn render_heading(limit: Option<u64>) -> String {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let memory = limit.map_or_else(
        || "memory limit unknown".to_owned(),
        |limit| format!("memory limit {} MiB", limit / MIB),
    );
    format!(
        "cores {cores}, {memory}\n\n{:>8} {:>6} {:>5}  {:>9}  {:>7} {:>9}  {:>7}  {:>7}",
        "KiB", "passes", "lanes", "one core", "workers", "hashes/s", "ms each", "MiB"
    )
}

/// One line of the table.
pub(super) fn render_row(
    cost: Cost,
    origin: &str,
    outcome: &Result<Measurement, Unmeasured>,
) -> String {
    let figures = match outcome {
        Ok(measured) => format!(
            "{:>9.1}  {:>7} {:>9.1}  {:>7.1}  {:>7}",
            measured.alone.per_second,
            measured.together.threads,
            measured.together.per_second,
            milliseconds(measured.together.time_of_one()),
            cost.memory().bytes().div_ceil(MIB),
        ),
        Err(reason) => format!("not measured: {reason}"),
    };
    let verdict = match cost.acceptance() {
        Acceptance::Accepted => "",
        Acceptance::BelowFloor => "below the floor: serve refuses it",
        Acceptance::BeyondCaps(_) => "beyond the caps: serve refuses it",
    };
    let notes: Vec<&str> = [origin, verdict]
        .into_iter()
        .filter(|note| !note.is_empty())
        .collect();
    let Cost {
        memory_kib,
        iterations,
        parallelism,
    } = cost;
    format!(
        "{memory_kib:>8} {iterations:>6} {parallelism:>5}  {figures}  {}",
        notes.join("; ")
    )
    .trim_end()
    .to_owned()
}

/// The settings to paste, and what they are good for.
pub(super) fn render_recommendation(best: &Measurement, wanted: LoginTarget) -> String {
    let memory = best.cost.memory();
    format!(
        "\nFor {} logins a second, the hash of each within {} ms:\n\n\
         VESTIBULE_HASHING_MEMORY_KIB={}\n\
         VESTIBULE_HASHING_ITERATIONS={}\n\
         VESTIBULE_HASHING_PARALLELISM={}\n\
         VESTIBULE_HASHING_WORKERS={}\n\n\
         They bear {:.0} within {:.0} ms. Memory: {memory}.",
        wanted.logins_per_second,
        wanted.latency.as_millis(),
        best.cost.memory_kib,
        best.cost.iterations,
        best.cost.parallelism,
        memory.workers,
        best.sustained_rate().floor(),
        milliseconds(best.latency()).ceil(),
    )
}

/// Why nothing is recommended.
pub(super) fn explain_no_recommendation(
    fastest: Option<&Measurement>,
    wanted: LoginTarget,
) -> String {
    let Some(fastest) = fastest else {
        return "no cost that serve accepts fits into the memory".to_owned();
    };
    format!(
        "nothing that serve accepts gives {} logins a second within {} ms here; the most is {:.0} within {:.0} ms, with {} KiB and {} passes",
        wanted.logins_per_second,
        wanted.latency.as_millis(),
        fastest.sustained_rate().floor(),
        milliseconds(fastest.latency()).ceil(),
        fastest.cost.memory_kib,
        fastest.cost.iterations,
    )
}

/// What became of a load.
pub(super) fn render_load(settings: &HashingSettings, rate: u32, load: &LoadResult) -> String {
    let percentile = |of_100| {
        load.percentile(of_100).map_or_else(
            || "none".to_owned(),
            |time| format!("{:.1} ms", milliseconds(time)),
        )
    };
    format!(
        "memory_kib {}, iterations {}, parallelism {}, workers {}, queue {}\n\n\
         offered   {} at {:.1}/s\n\
         answered  {} at {:.1}/s\n\
         refused   {}\n\
         failed    {}\n\
         p50       {}\n\
         p99       {}",
        settings.memory_kib,
        settings.iterations,
        settings.parallelism,
        settings.workers,
        settings.queue,
        load.offered,
        f64::from(rate),
        load.answered(),
        load.per_second(),
        load.refused,
        load.failed,
        percentile(50),
        percentile(99),
    )
}

/// What is wrong with it, if anything is.
pub(super) fn find_fault(load: &LoadResult, latency: Duration) -> Option<String> {
    if load.answered() < load.offered {
        Some("the load was not borne: not all were answered".to_owned())
    } else if load.percentile(99).is_some_and(|p99| p99 > latency) {
        let latency = latency.as_millis();
        Some(format!(
            "the load was not borne: p99 is over {latency} ms (--latency)"
        ))
    } else {
        None
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
