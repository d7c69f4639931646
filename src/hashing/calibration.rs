//! Measures what hashing costs on this machine and recommends a cost that `serve` accepts.

mod load;
mod measure;

use std::time::Duration;

use thiserror::Error;

use super::{Memory, Parameters, ParametersError, default_workers, fit, meets_floor};

pub use load::{LoadResult, count_arrivals, run_load};
pub use measure::{MeasureError, Rate, measure};

/// The share of the measured rate that is recommended for use: above it, any burst makes waits grow
/// without bound.
const USED_SHARE: f64 = 0.8;
/// The hashes that the latency of a login includes: its own, and the one that a thread is busy with.
const HASHES_IN_LATENCY: u32 = 2;
/// The memory of the process besides the arenas, with a margin.
const BASE_BYTES: u64 = 32 * 1024 * 1024;

/// A cost to measure, whether or not `serve` accepts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    pub iterations: u32,
    /// Lanes, computed one after the other.
    pub parallelism: u32,
}

/// Whether `serve` accepts a cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acceptance {
    /// The cost may be configured.
    Accepted,
    /// The cost is too low to slow an attacker down.
    BelowFloor,
    /// The cost could exhaust the machine.
    BeyondCaps(ParametersError),
}

/// The costs to measure, and their origin: the equivalent ones of OWASP's Password Storage Cheat Sheet,
/// the two of RFC 9106 §4, and steps up to the caps.
pub const COSTS: [(Cost, &str); 11] = [
    (Cost::new(19_456, 2, 1), "OWASP, default"),
    (Cost::new(47_104, 1, 1), "OWASP"),
    (Cost::new(12_288, 3, 1), "OWASP"),
    (Cost::new(9_216, 4, 1), "OWASP"),
    (Cost::new(7_168, 5, 1), "OWASP"),
    (Cost::new(32_768, 2, 1), ""),
    (Cost::new(65_536, 2, 1), ""),
    (Cost::new(65_536, 3, 4), "RFC 9106, second"),
    (Cost::new(131_072, 2, 1), ""),
    (Cost::new(131_072, 4, 1), ""),
    (Cost::new(2_097_152, 1, 4), "RFC 9106, first"),
];

/// There is too little free memory: the system could kill this process or its neighbour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{needed}, but only {} MiB are free", free_bytes / 1024 / 1024)]
pub struct NotEnoughMemory {
    needed: Memory,
    free_bytes: u64,
}

/// Checks that the arenas of `needed` fit into `free` bytes (`None`: unknown, everything fits).
///
/// # Errors
/// They do not fit; the text shows the calculation.
pub fn check_free_memory(needed: Memory, free: Option<u64>) -> Result<(), NotEnoughMemory> {
    match free {
        Some(free_bytes) if needed.arenas_bytes().saturating_add(BASE_BYTES) > free_bytes => {
            Err(NotEnoughMemory { needed, free_bytes })
        }
        Some(_) | None => Ok(()),
    }
}

/// The performance that the operator wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginTarget {
    /// Logins per second, sustained.
    pub logins_per_second: u32,
    /// The longest time that the hash of a login may take, with its wait.
    pub latency: Duration,
}

/// The measured rates of a cost on this machine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measurement {
    /// The cost that was measured.
    pub cost: Cost,
    /// The rate of one thread.
    pub alone: Rate,
    /// The rate of as many threads as `serve` would start.
    pub together: Rate,
}

impl Cost {
    /// A cost of memory in KiB, passes and lanes.
    pub const fn new(memory_kib: u32, iterations: u32, parallelism: u32) -> Self {
        Self {
            memory_kib,
            iterations,
            parallelism,
        }
    }

    /// Whether `serve` accepts the cost.
    pub fn acceptance(self) -> Acceptance {
        match Parameters::new(self.memory_kib, self.iterations, self.parallelism) {
            Err(error) => Acceptance::BeyondCaps(error),
            Ok(_) if meets_floor(self.memory_kib, self.iterations) => Acceptance::Accepted,
            Ok(_) => Acceptance::BelowFloor,
        }
    }

    /// Memory × passes, in KiB: approximately the cost of each guess of an attacker.
    pub fn work_kib(self) -> u64 {
        u64::from(self.memory_kib) * u64::from(self.iterations)
    }

    /// The memory that a process needs to hash at this cost on the default number of threads, or on one
    /// thread if the cost is beyond the caps.
    pub fn memory(self) -> Memory {
        let workers = match self.acceptance() {
            Acceptance::Accepted | Acceptance::BelowFloor => default_workers(self.memory_kib),
            Acceptance::BeyondCaps(_) => 1,
        };
        Memory {
            workers,
            memory_kib: self.memory_kib,
        }
    }
}

impl Measurement {
    /// The logins per second that the machine sustains at this cost.
    pub fn sustained_rate(&self) -> f64 {
        self.together.per_second * USED_SHARE
    }

    /// The time that the hash of a login takes at that rate, with its wait.
    pub fn latency(&self) -> Duration {
        self.together.time_of_one() * HASHES_IN_LATENCY
    }

    /// Estimates the time of a hash of another cost on one thread, which grows with memory × passes.
    pub fn estimate_time(&self, other: Cost) -> Duration {
        let time = self.alone.time_of_one().as_nanos();
        let expected = time * u128::from(other.work_kib()) / u128::from(self.cost.work_kib());
        Duration::from_nanos(u64::try_from(expected).unwrap_or(u64::MAX))
    }

    fn meets(&self, wanted: LoginTarget) -> bool {
        self.sustained_rate() >= f64::from(wanted.logins_per_second)
            && self.latency() <= wanted.latency
    }

    /// Whether `serve` accepts the cost with the measured number of workers within `limit` bytes.
    fn is_accepted(&self, limit: Option<u64>) -> bool {
        let memory = self.cost.memory();
        let fits = fit(memory.workers, memory.memory_kib, limit).is_ok();
        self.cost.acceptance() == Acceptance::Accepted && fits
    }
}

/// The highest cost that `serve` accepts within `limit` bytes and that meets the target.
pub fn recommend(
    measured: &[Measurement],
    wanted: LoginTarget,
    limit: Option<u64>,
) -> Option<&Measurement> {
    measured
        .iter()
        .filter(|measured| measured.is_accepted(limit) && measured.meets(wanted))
        .max_by_key(|measured| measured.cost.work_kib())
}

/// The accepted cost with the most logins per second, for a target that no cost meets.
pub fn fastest(measured: &[Measurement], limit: Option<u64>) -> Option<&Measurement> {
    measured
        .iter()
        .filter(|measured| measured.is_accepted(limit))
        .max_by(|a, b| a.sustained_rate().total_cmp(&b.sustained_rate()))
}

#[cfg(test)]
mod tests;
