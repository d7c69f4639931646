//! The raw argon2 rate: what the cores could hash if nothing else were to be done. It is the limit
//! of everything that takes a password.
#![expect(
    clippy::disallowed_types,
    reason = "the crate alone, without the engine whose cost is to be seen"
)]

use std::{
    env,
    hint::black_box,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use serde::Serialize;
use vestibule::hashing;

use crate::{Result, calls::PASSWORD};

/// Prefix of the variables that set the hashing of the server under test.
const VARIABLES: &str = "VESTIBULE_HASHING_";
/// That of the server's hashing threads.
const NICENESS: i32 = 10;

/// What a hash costs, and how many are computed at once: the server's own defaults, unless its
/// variables say otherwise.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Cost {
    pub(crate) memory_kib: u32,
    pub(crate) iterations: u32,
    pub(crate) parallelism: u32,
    pub(crate) workers: usize,
}

impl Cost {
    pub(crate) fn configured() -> Result<Self> {
        let memory_kib = setting("MEMORY_KIB")?.unwrap_or(19_456);
        let workers = match setting("WORKERS")? {
            Some(workers) => workers as usize,
            None => hashing::default_workers(memory_kib),
        };
        Ok(Self {
            memory_kib,
            iterations: setting("ITERATIONS")?.unwrap_or(2),
            parallelism: setting("PARALLELISM")?.unwrap_or(1),
            workers,
        })
    }

    /// Told to the server, so that both sides hash the same.
    pub(crate) fn variables(self) -> [(String, String); 4] {
        [
            ("MEMORY_KIB", self.memory_kib as usize),
            ("ITERATIONS", self.iterations as usize),
            ("PARALLELISM", self.parallelism as usize),
            ("WORKERS", self.workers),
        ]
        .map(|(name, value)| (format!("{VARIABLES}{name}"), value.to_string()))
    }

    /// As many logins in flight as keep every worker busy and nobody waiting for long: 32, which is
    /// what the other systems were measured with, or more on a large machine.
    pub(crate) fn logins_in_flight(self) -> usize {
        (4 * self.workers).max(32)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the variables that the server under test inherits"
)]
fn setting(name: &str) -> Result<Option<u32>> {
    match env::var(format!("{VARIABLES}{name}")) {
        Ok(text) => Ok(Some(text.parse()?)),
        Err(_) => Ok(None),
    }
}

/// Hashes a second of `threads` threads together, each over memory of its own that it uses again.
///
/// # Errors
/// Argon2 does not define the cost.
pub(crate) fn rate(cost: Cost, threads: usize, measured: Duration) -> Result<f64> {
    let params = Params::new(cost.memory_kib, cost.iterations, cost.parallelism, Some(32))?;
    let until = Instant::now() + measured;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| rate_of_one(&params, until)))
            .collect();
        let mut sum = 0.0;
        for thread in threads {
            sum += thread.join().map_err(|_| "a hashing thread panicked")??;
        }
        Ok(sum)
    })
}

/// The first hash touches the memory and is not counted, as in a server that has warmed up. What
/// else the machine does takes as much from it as from the server: its threads are as nice.
fn rate_of_one(params: &Params, until: Instant) -> Result<f64> {
    rustix::process::nice(NICENESS)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let mut area = vec![Block::new(); params.block_count()];
    let mut tag = [0; 32];
    let mut hash = || {
        argon2.hash_password_into_with_memory(PASSWORD.as_bytes(), &[7; 16], &mut tag, &mut area)
    };
    hash()?;
    let start = Instant::now();
    let mut count = 0;
    while Instant::now() < until || count == 0 {
        black_box(hash()?);
        count += 1;
    }
    Ok(f64::from(count) / start.elapsed().as_secs_f64())
}

/// libsodium's rate on one core with the same memory and passes; `None` where there is no Python or
/// no libsodium. It has one lane and gets its memory anew for each hash: its interface has no other
/// way.
pub(crate) fn sodium_rate(cost: Cost, measured: Duration) -> Option<f64> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("kit/libsodium.py");
    let output = Command::new("python3")
        .arg(script)
        .arg(cost.memory_kib.to_string())
        .arg(cost.iterations.to_string())
        .arg(measured.as_secs_f64().to_string())
        .output()
        .ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}
