//! Measures the hashes per second of a number of threads. They work as the engine's threads do: in
//! arenas that are reserved once, at the same priority, without a pause.

use std::{
    collections::TryReserveError,
    io,
    panic::resume_unwind,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use argon2::Params;
use parking_lot::RwLock;
use thiserror::Error;

use super::{
    super::{arena::Arena, parameters::compute_argon2id, priority},
    Cost,
};

const TAG_BYTES: usize = 32;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// The threads that hashed at the same time.
    pub threads: usize,
    /// The hashes per second of all threads together.
    pub per_second: f64,
}

/// Why a measurement failed.
#[derive(Debug, Error)]
pub enum MeasureError {
    /// Argon2 does not define the cost.
    #[error("argon2: {0}")]
    Argon2(#[from] argon2::Error),
    /// The arenas cannot be reserved.
    #[error("the memory for hashing cannot be reserved")]
    Memory(#[from] TryReserveError),
    /// A thread cannot be started.
    #[error("a hashing thread cannot be started")]
    Thread(#[from] io::Error),
}

/// The hashes of one thread, and their total time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    hashes: u32,
    time: Duration,
}

impl Rate {
    /// The time of one hash while all threads hash.
    pub fn time_of_one(self) -> Duration {
        Duration::from_secs(self.threads as u64).div_f64(self.per_second)
    }
}

/// Hashes on `threads` threads at the same time, each for `time` and at least once.
pub fn measure(cost: Cost, threads: usize, time: Duration) -> Result<Rate, MeasureError> {
    let params = Params::new(
        cost.memory_kib,
        cost.iterations,
        cost.parallelism,
        Some(TAG_BYTES),
    )?;
    let arenas = (0..threads)
        .map(|_| Arena::reserve(cost.memory_kib))
        .collect::<Result<Vec<_>, _>>()?;
    // Locked until all threads have touched their memory. An early return unlocks it too.
    let gate = RwLock::new(());
    let runs = thread::scope(|scope| {
        let held = gate.write();
        let (ready, all_ready) = mpsc::channel::<()>();
        let mut running = Vec::new();
        for mut arena in arenas {
            let (params, ready, gate) = (params.clone(), ready.clone(), &gate);
            let work = move || {
                priority::lower_priority();
                arena.blocks(cost.memory_kib);
                drop(ready);
                drop(gate.read());
                repeat(time, Instant::now, || hash(&params, cost, &mut arena))
            };
            running.push(thread::Builder::new().spawn_scoped(scope, work)?);
        }
        drop(ready);
        // Nothing is sent: this returns once every thread has dropped its sender.
        all_ready.recv().unwrap_or_default();
        drop(held);
        running
            .into_iter()
            .map(|thread| Ok(thread.join().unwrap_or_else(|panic| resume_unwind(panic))?))
            .collect::<Result<Vec<Run>, MeasureError>>()
    })?;
    Ok(Rate {
        threads,
        per_second: runs.iter().map(|run| run.per_second()).sum(),
    })
}

impl Run {
    fn per_second(self) -> f64 {
        f64::from(self.hashes) / self.time.as_secs_f64()
    }
}

fn hash(params: &Params, cost: Cost, arena: &mut Arena) -> Result<(), argon2::Error> {
    let mut tag = [0; TAG_BYTES];
    let blocks = arena.blocks(cost.memory_kib);
    compute_argon2id(params.clone(), b"calibration", &[7; 16], blocks, &mut tag)
}

/// Repeats `work` until `time` has passed on the clock `now`, at least once.
fn repeat<E>(
    time: Duration,
    now: impl Fn() -> Instant,
    mut work: impl FnMut() -> Result<(), E>,
) -> Result<Run, E> {
    let start = now();
    let mut hashes = 0;
    loop {
        work()?;
        hashes += 1;
        let run = Run {
            hashes,
            time: now() - start,
        };
        if run.time >= time {
            return Ok(run);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Runs on a clock on which each hash takes 30 ms.
    fn run_for(time: Duration) -> Run {
        let (start, passed) = (Instant::now(), Cell::new(Duration::ZERO));
        let work = || {
            passed.set(passed.get() + 30 * MS);
            Ok::<_, ()>(())
        };
        repeat(time, || start + passed.get(), work).unwrap()
    }

    #[test]
    fn the_last_hash_is_finished_and_its_time_counts() {
        for (time, hashes) in [(0, 1), (1, 1), (30, 1), (31, 2), (90, 3), (100, 4)] {
            let run = run_for(time * MS);
            assert_eq!((run.hashes, run.time), (hashes, hashes * 30 * MS));
            assert!((run.per_second() - 1000.0 / 30.0).abs() < 1e-9);
        }
    }

    #[test]
    fn a_failure_ends_the_work() {
        let failed = repeat(MS, Instant::now, || Err("no"));
        assert_eq!(failed, Err("no"));
    }

    #[test]
    fn every_thread_hashes_at_least_once() {
        let rate = measure(Cost::new(64, 1, 1), 3, Duration::ZERO).unwrap();
        assert_eq!(rate.threads, 3);
        assert!(rate.per_second > 0.0 && rate.per_second.is_finite());
        assert!(measure(Cost::new(64, 0, 1), 1, MS).is_err());
    }

    #[test]
    fn the_time_of_one_hash_is_the_number_of_threads_over_the_rate() {
        let rate = Rate {
            threads: 4,
            per_second: 100.0,
        };
        assert_eq!(rate.time_of_one(), 40 * MS);
    }
}
