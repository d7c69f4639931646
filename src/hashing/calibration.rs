//! What a password costs on this machine, and which cost to choose for it: every figure is measured,
//! and nothing is recommended that `serve` refuses.

mod load;
mod measure;

use std::time::Duration;

use thiserror::Error;

use super::{Memory, Parameters, ParametersError, default_workers, meets_floor};

pub use load::{LoadResult, count_arrivals, run_load};
pub use measure::{MeasureError, Rate, measure};

/// The share of the measured rate that is recommended to be used: at more, waits grow without end
/// over the smallest burst.
const USED_SHARE: f64 = 0.8;
/// Hashes within the wanted latency: one's own, and one that a thread is still busy with.
const HASHES_IN_LATENCY: u32 = 2;
/// What the process takes besides the memory of the threads, with something to spare.
const BASE_BYTES: u64 = 32 * 1024 * 1024;

/// A cost to measure, whether or not `serve` accepts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes.
    pub iterations: u32,
    /// Lanes; they are computed one after the other.
    pub parallelism: u32,
}

/// What `serve` says to a cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acceptance {
    /// It may be configured.
    Accepted,
    /// It is too cheap for an attacker.
    BelowFloor,
    /// It could exhaust the machine.
    BeyondCaps(ParametersError),
}

/// The costs worth measuring, and who names them: those that OWASP's Password Storage Cheat Sheet
/// holds equal, the two of RFC 9106 §4, and steps up to the caps.
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

/// There is less memory than would be taken: the system could kill this process or its neighbour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{needed}, but only {} MiB are free", free_bytes / 1024 / 1024)]
pub struct NotEnoughMemory {
    needed: Memory,
    free_bytes: u64,
}

/// Whether the threads of `needed` can be given their memory while `free` bytes are left (`None`:
/// unknown, all fits).
///
/// # Errors
/// They cannot; the text shows the arithmetic.
pub fn check_free_memory(needed: Memory, free: Option<u64>) -> Result<(), NotEnoughMemory> {
    match free {
        Some(free_bytes) if needed.arenas_bytes().saturating_add(BASE_BYTES) > free_bytes => {
            Err(NotEnoughMemory { needed, free_bytes })
        }
        Some(_) | None => Ok(()),
    }
}

/// What the logins of a service shall be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// So many each second, for as long as it pleases.
    pub logins_per_second: u32,
    /// The hash of one shall be there within this time.
    pub latency: Duration,
}

/// A cost, and what it comes to here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measurement {
    /// The cost.
    pub cost: Cost,
    /// With one thread.
    pub alone: Rate,
    /// With as many threads as the machine bears.
    pub together: Rate,
}

impl Cost {
    /// Memory in KiB, passes and lanes.
    pub const fn new(memory_kib: u32, iterations: u32, parallelism: u32) -> Self {
        Self {
            memory_kib,
            iterations,
            parallelism,
        }
    }

    /// What `serve` says to it.
    pub fn acceptance(self) -> Acceptance {
        match Parameters::new(self.memory_kib, self.iterations, self.parallelism) {
            Err(error) => Acceptance::BeyondCaps(error),
            Ok(_) if meets_floor(self.memory_kib, self.iterations) => Acceptance::Accepted,
            Ok(_) => Acceptance::BelowFloor,
        }
    }

    /// Memory × passes, in KiB: what an attacker pays for each guess, near enough.
    pub fn work_kib(self) -> u64 {
        u64::from(self.memory_kib) * u64::from(self.iterations)
    }

    /// What a process needs that hashes at this cost on as many threads as the machine bears; on one
    /// where `serve` would never do it.
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
    /// The logins per second that it is good for.
    pub fn sustained_rate(&self) -> f64 {
        self.together.per_second * USED_SHARE
    }

    /// The time within which the hash of a login is there, at that rate.
    pub fn latency(&self) -> Duration {
        self.together.time_of_one() * HASHES_IN_LATENCY
    }

    /// What a hash of another cost is to take alone: that grows with memory × passes.
    pub fn estimate_time(&self, other: Cost) -> Duration {
        let time = self.alone.time_of_one().as_nanos();
        let expected = time * u128::from(other.work_kib()) / u128::from(self.cost.work_kib());
        Duration::from_nanos(u64::try_from(expected).unwrap_or(u64::MAX))
    }

    fn meets(&self, wanted: Target) -> bool {
        self.sustained_rate() >= f64::from(wanted.logins_per_second)
            && self.latency() <= wanted.latency
    }

    /// Whether `serve` accepts the cost with the workers that were measured, in so much memory.
    fn is_accepted(&self, limit: Option<u64>) -> bool {
        let fits = limit.is_none_or(|limit| self.cost.memory().bytes() <= limit);
        self.cost.acceptance() == Acceptance::Accepted && fits
    }
}

/// The dearest cost that `serve` accepts within `limit` bytes and that gives what is wanted.
pub fn recommend(
    measured: &[Measurement],
    wanted: Target,
    limit: Option<u64>,
) -> Option<&Measurement> {
    measured
        .iter()
        .filter(|measured| measured.is_accepted(limit) && measured.meets(wanted))
        .max_by_key(|measured| measured.cost.work_kib())
}

/// The accepted cost that bears most logins, for those who want more than there is.
pub fn fastest(measured: &[Measurement], limit: Option<u64>) -> Option<&Measurement> {
    measured
        .iter()
        .filter(|measured| measured.is_accepted(limit))
        .max_by(|a, b| a.sustained_rate().total_cmp(&b.sustained_rate()))
}

#[cfg(test)]
mod tests;
