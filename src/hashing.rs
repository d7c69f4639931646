//! The password hashing engine: own threads, reused memory, a bounded queue.

mod capacity;
mod parameters;

use std::{fmt, sync::Arc, time::Duration};

use thiserror::Error;
use tokio::time::Instant;

pub use capacity::{DoesNotFit, default_queue, default_workers, fit, memory_limit};
pub use parameters::{
    ITERATIONS_MAX, MEMORY_KIB_MAX, PARALLELISM_MAX, Parameters, ParametersError, WORK_KIB_MAX,
    meets_floor,
};

use crate::domain::{EmailKey, HashedPassword, NewPassword, PasswordAttempt};

/// What one hash costs and how many run and wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Argon2id memory per hash, in KiB.
    pub memory_kib: u32,
    /// Argon2id passes.
    pub iterations: u32,
    /// Argon2id lanes.
    pub parallelism: u32,
    /// Threads; each holds one area of `memory_kib`.
    pub workers: usize,
    /// The most jobs that wait, running ones not counted.
    pub queue: usize,
    /// The longest estimated wait that a job is queued for.
    pub max_wait: Duration,
}

/// Called in the hashing thread before each hash; tests hold, count and break work with it.
pub type BeforeHash = Arc<dyn Fn() + Send + Sync>;

/// 16 random bytes, never used twice.
pub type Salt = [u8; 16];

/// A handle on the engine; clones share it.
#[derive(Clone)]
pub struct Hasher;

/// A password that was just found right; the only thing that can be hashed again.
pub struct VerifiedPassword;

/// Whether an attempt is the password.
#[must_use]
pub enum Verification {
    /// It is. `stale` holds the password when its stored hash has other parameters than the current.
    Match {
        /// What to hash again.
        stale: Option<VerifiedPassword>,
    },
    /// It is not, or there was nothing to compare it with.
    Mismatch,
}

/// Why no hash was computed, or its result dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HashingError {
    /// The queue is full or its wait too long; nothing was done.
    #[error("the hash queue is full")]
    Overloaded {
        /// The estimated wait.
        retry_after: Duration,
    },
    /// The deadline passed before the result was there.
    #[error("the deadline passed")]
    DeadlineExceeded,
    /// The hashing thread panicked over this job, or the engine has stopped.
    #[error("the hashing thread failed")]
    Failed,
}

impl Hasher {
    /// Starts the threads and reserves their areas.
    pub fn start(settings: Settings, before_hash: Option<BeforeHash>) -> Self {
        todo!()
    }
    /// Hashes a new password: PHC string with the current parameters.
    pub async fn hash_password(
        &self,
        password: NewPassword,
        salt: Salt,
        deadline: Instant,
    ) -> Result<HashedPassword, HashingError> {
        todo!()
    }
    /// Verifies an attempt against what is stored, or against the decoy of `key` where nothing (or nothing readable) is.
    pub async fn verify(
        &self,
        attempt: PasswordAttempt,
        stored: Option<HashedPassword>,
        key: &EmailKey,
        deadline: Instant,
    ) -> Result<Verification, HashingError> {
        todo!()
    }
    /// Hashes a verified password with the current parameters if nobody waits; `None`: busy.
    pub async fn rehash(&self, password: VerifiedPassword, salt: Salt) -> Option<HashedPassword> {
        todo!()
    }
    /// Refuses new work, lets running hashes end and joins the threads (blocking).
    pub fn stop(&self) {
        todo!()
    }
}
