//! The section `hashing`. The floor on the cost is enforced here and not by the engine, which tests
//! start at a fraction of the cost.

use super::{
    Key,
    key::KeyDefault::{Described, Value},
    parse,
    reader::Reader,
};
use crate::hashing::{
    HashingSettings, ITERATIONS_MAX, MEMORY_KIB_MAX, PARALLELISM_MAX, Parameters, default_queue,
    default_workers, fit, meets_floor, memory_limit,
};

/// `VESTIBULE_HASHING_MEMORY_KIB`, default `19456`.
const MEMORY_KIB: Key = Key::new(
    "hashing",
    "memory_kib",
    Value("19456"),
    "Argon2id memory per hash in KiB: 19456 to 131072",
);

/// `VESTIBULE_HASHING_ITERATIONS`, default `2`.
const ITERATIONS: Key = Key::new(
    "hashing",
    "iterations",
    Value("2"),
    "Argon2id passes: 2 to 10, or 1 from 47104 KiB",
);

/// `VESTIBULE_HASHING_PARALLELISM`, default `1`.
const PARALLELISM: Key = Key::new(
    "hashing",
    "parallelism",
    Value("1"),
    "Argon2id lanes: 1 to 8",
);

/// `VESTIBULE_HASHING_WORKERS`, default: what cores and memory allow.
const WORKERS: Key = Key::new(
    "hashing",
    "workers",
    Described("what cores and memory allow"),
    "Hashes at the same time; each holds memory_kib",
);

/// `VESTIBULE_HASHING_QUEUE`, default: 64 × workers.
const QUEUE: Key = Key::new(
    "hashing",
    "queue",
    Described("64 × workers"),
    "Most hashes that wait",
);

/// `VESTIBULE_HASHING_MAX_WAIT`, default `2s`.
const MAX_WAIT: Key = Key::new(
    "hashing",
    "max_wait",
    Value("2s"),
    "Longest estimated wait that a hash is queued for: 1ms to 60s",
);

pub(super) const KEYS: &[&Key] = &[
    &MEMORY_KIB,
    &ITERATIONS,
    &PARALLELISM,
    &WORKERS,
    &QUEUE,
    &MAX_WAIT,
];

pub(super) fn read_section(reader: &mut Reader<'_>) -> Option<HashingSettings> {
    let memory_kib = reader.read(&MEMORY_KIB, parse::number(1..=MEMORY_KIB_MAX));
    let iterations = reader.read(&ITERATIONS, parse::number(1..=ITERATIONS_MAX));
    let parallelism = reader.read(&PARALLELISM, parse::number(1..=PARALLELISM_MAX));
    let cost = memory_kib
        .zip(iterations)
        .zip(parallelism)
        .and_then(|((m, t), p)| check_cost(reader, m, t, p));
    let workers = read_workers(reader, memory_kib);
    let queue = read_queue(reader, workers);
    let max_wait = reader.read(&MAX_WAIT, parse::duration("1ms"..="60s"));
    let cost = cost?;
    Some(HashingSettings {
        memory_kib: cost.memory_kib(),
        iterations: cost.iterations(),
        parallelism: cost.parallelism(),
        workers: workers?,
        queue: queue?,
        max_wait: max_wait?,
    })
}

/// Checks memory and iterations together: a lower one asks for a higher other.
fn check_cost(
    reader: &mut Reader<'_>,
    memory_kib: u32,
    iterations: u32,
    parallelism: u32,
) -> Option<Parameters> {
    let (wrong, fix) = if meets_floor(memory_kib, iterations) {
        match Parameters::new(memory_kib, iterations, parallelism) {
            Ok(parameters) => return Some(parameters),
            Err(error) => (format!(": {error}"), "lower memory_kib or iterations"),
        }
    } else {
        (
            " is too cheap for an attacker".to_owned(),
            "set memory_kib to at least 19456 with 2 iterations, or 47104 with 1",
        )
    };
    reader.report_chosen(
        [&MEMORY_KIB, &ITERATIONS],
        format!("{memory_kib} KiB with {iterations} iterations{wrong}"),
        fix,
    );
    None
}

fn read_workers(reader: &mut Reader<'_>, memory_kib: Option<u32>) -> Option<usize> {
    if reader.is_set(&WORKERS) {
        let workers = reader.read(&WORKERS, parse::number(1..=WORKERS_MAX))?;
        if let Err(error) = fit(workers, memory_kib?, memory_limit()) {
            reader.report(
                &WORKERS,
                error.to_string(),
                "lower hashing.workers, or unset it to have it fit",
            );
            return None;
        }
        return Some(workers);
    }
    let workers = default_workers(memory_kib?);
    reader.set_default(&WORKERS, workers.to_string());
    Some(workers)
}

/// The default queue of so many workers, 64 each, is still within the bounds of `hashing.queue`.
const WORKERS_MAX: usize = 15_625;

fn read_queue(reader: &mut Reader<'_>, workers: Option<usize>) -> Option<usize> {
    if let Some(workers) = workers {
        reader.set_default(&QUEUE, default_queue(workers).to_string());
    }
    reader.read(&QUEUE, parse::number(1..=1_000_000_usize))
}
