//! The raw argon2 rate: what the cores can hash without a server. It is the limit of every call that
//! takes a password.
#![expect(
    clippy::disallowed_types,
    reason = "the crate alone, without the engine whose cost is measured"
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
/// The niceness of the server's hashing threads.
const NICENESS: i32 = 10;

/// The cost of a hash, and how many are computed at once: the server's defaults, unless its variables
/// are set.
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

    /// The variables that give the server the same cost.
    pub(crate) fn variables(self) -> [(String, String); 4] {
        [
            ("MEMORY_KIB", self.memory_kib as usize),
            ("ITERATIONS", self.iterations as usize),
            ("PARALLELISM", self.parallelism as usize),
            ("WORKERS", self.workers),
        ]
        .map(|(name, value)| (format!("{VARIABLES}{name}"), value.to_string()))
    }

    /// As many logins in flight as keep every worker busy with a short queue: 32, as the other systems
    /// were measured, or more on a large machine.
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

/// Hashes a second of `threads` threads together, which reuse their memory.
pub(crate) fn measure_rate(cost: Cost, threads: usize, measured: Duration) -> Result<f64> {
    let params = Params::new(cost.memory_kib, cost.iterations, cost.parallelism, Some(32))?;
    let until = Instant::now() + measured;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| measure_thread(&params, until)))
            .collect();
        let mut sum = 0.0;
        for thread in threads {
            sum += thread.join().map_err(|_| "a hashing thread panicked")??;
        }
        Ok(sum)
    })
}

/// The first hash touches the memory and is not counted, as in a server that has warmed up. The thread
/// is as nice as the server's, so that other work takes as much from both.
fn measure_thread(params: &Params, until: Instant) -> Result<f64> {
    rustix::process::nice(NICENESS)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let mut arena = vec![Block::new(); params.block_count()];
    let mut tag = [0; 32];
    let mut hash = || {
        argon2.hash_password_into_with_memory(PASSWORD.as_bytes(), &[7; 16], &mut tag, &mut arena)
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

/// libsodium's rate on one core with the same memory and passes; `None` without Python or libsodium.
/// libsodium has one lane and allocates its memory for each hash.
pub(crate) fn measure_sodium_rate(cost: Cost, measured: Duration) -> Option<f64> {
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
