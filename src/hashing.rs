//! The password hashing engine: threads of its own that reuse their memory, and a bounded queue.
//!
//! Logins can neither exhaust the machine nor reveal who exists: at most `workers` hashes run, at most
//! `queue` wait, and the rest is refused at once. Every verification is one job, whether or not a
//! password is stored.

mod algorithm;
mod arena;
pub mod calibration;
mod capacity;
mod decoy;
mod fair_queue;
mod flow;
mod free_memory;
mod job;
mod metrics;
mod parameters;
mod priority;
mod queue;
mod stored;
mod verification;
mod worker;

use std::{collections::TryReserveError, io, iter, sync::Arc, thread::JoinHandle, time::Duration};

use parking_lot::Mutex;
use thiserror::Error;
use tokio::time::{Instant, timeout_at};

pub use capacity::{
    DoesNotFit, Memory, connections_share, default_queue, default_workers, fit, memory_limit,
};
pub use flow::Flow;
pub use free_memory::free_memory;
pub(crate) use metrics::HashingMetrics;
pub use parameters::{
    ITERATIONS_MAX, MEMORY_KIB_MAX, PARALLELISM_MAX, Parameters, ParametersError, WORK_KIB_MAX,
    meets_floor,
};

pub use stored::UnreadableHash;
pub use verification::{Verification, VerifiedPassword, check_readable};

use crate::domain::{HashedPassword, NewPassword, ServerKey};
use arena::Arena;
use decoy::Decoys;
use fair_queue::Lane;
use job::{Job, Tag};
use queue::JobQueue;
use stored::StoredHash;

/// The cost of a hash, and the limits on how many run and wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashingSettings {
    /// Argon2id memory per hash, in KiB.
    pub memory_kib: u32,
    /// Argon2id passes.
    pub iterations: u32,
    /// Argon2id lanes.
    pub parallelism: u32,
    /// Threads, at least one; each keeps an arena of `memory_kib`.
    pub workers: usize,
    /// The most jobs that wait, without the running ones.
    pub queue: usize,
    /// The longest estimated wait that a job is queued for.
    pub max_wait: Duration,
}

impl HashingSettings {
    /// The memory that the process needs with these settings.
    pub fn memory(&self) -> Memory {
        Memory {
            workers: self.workers,
            memory_kib: self.memory_kib,
        }
    }
}

/// A hook of tests, called in the hashing thread before each hash, with its algorithm and cost.
pub type BeforeHash = Arc<dyn Fn(&str) + Send + Sync>;

/// 16 random bytes, used only once.
pub type Salt = [u8; 16];

/// A handle on the engine; clones share it. The threads end with the last handle.
#[derive(Clone)]
pub struct Hasher(Arc<Engine>);

struct Engine {
    current: Parameters,
    decoys: Decoys,
    queue: Arc<JobQueue>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// Why the engine did not start.
#[derive(Debug, Error)]
pub enum HashingStartError {
    /// A hash would have no defined cost, or one beyond the caps.
    #[error(transparent)]
    Parameters(#[from] ParametersError),
    /// The arenas of the threads cannot be reserved.
    #[error("the memory for hashing cannot be reserved")]
    Memory(#[from] TryReserveError),
    /// A thread cannot be started.
    #[error("a hashing thread cannot be started")]
    Thread(#[from] io::Error),
}

/// Why there is no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HashingError {
    /// The queue is full or its estimated wait too long; nothing was computed.
    #[error("the hash queue is full")]
    Overloaded {
        /// The estimated wait of the queue.
        retry_after: Duration,
    },
    /// The deadline passed before there was a result.
    #[error("the deadline passed")]
    DeadlineExceeded,
    /// The hashing thread panicked over this job, or the engine has stopped.
    #[error("the hashing thread failed")]
    Failed,
}

impl Hasher {
    /// Starts the threads and reserves their arenas. Nothing is hashed yet.
    ///
    /// # Errors
    /// The parameters are outside the caps (the configuration checks the floor), or the system has
    /// no memory or thread left.
    pub fn start(
        settings: HashingSettings,
        before_hash: Option<BeforeHash>,
    ) -> Result<Self, HashingStartError> {
        let current = Parameters::new(
            settings.memory_kib,
            settings.iterations,
            settings.parallelism,
        )?;
        // Without a thread every call would wait for its deadline.
        let workers = settings.workers.max(1);
        let hasher = Self(Arc::new(Engine {
            current,
            decoys: Decoys::new(current),
            queue: Arc::new(JobQueue::new(&settings, current, workers)),
            threads: Mutex::default(),
        }));
        for (index, before_hash) in iter::repeat_n(before_hash, workers).enumerate() {
            let arena = Arena::reserve(settings.memory_kib)?;
            let queue = Arc::clone(&hasher.0.queue);
            let thread = worker::spawn_worker(index, queue, arena, before_hash)?;
            hasher.0.threads.lock().push(thread);
        }
        Ok(hasher)
    }

    /// Hashes a new password with the current parameters. The result is a PHC string.
    pub async fn hash_password(
        &self,
        password: NewPassword,
        salt: Salt,
        flow: Flow,
        deadline: Instant,
    ) -> Result<HashedPassword, HashingError> {
        let mut hash = StoredHash::without_tag(self.0.current, salt);
        let tag = self
            .compute_tag(
                (Lane::Registration, flow),
                password.as_bytes(),
                &hash,
                deadline,
            )
            .await?;
        hash.tag.copy_from_slice(&tag);
        Ok(HashedPassword::from_phc(hash.to_string()))
    }

    /// Draws decoys by a new census: a sample hash of each class, and the number of stored hashes of
    /// that class. The key decides which decoy an address gets.
    pub fn draw_decoys_from(&self, census: &[(HashedPassword, u64)], key: &ServerKey) {
        self.0.decoys.follow(census, key);
    }

    /// The current load and the counters of the engine.
    pub(crate) fn metrics(&self) -> HashingMetrics {
        self.0.queue.metrics()
    }

    /// Refuses new jobs, drops waiting ones, lets running hashes end, and blocks until the threads
    /// have ended.
    pub fn stop(&self) {
        self.0.queue.close();
        let threads: Vec<_> = self.0.threads.lock().drain(..).collect();
        for thread in threads {
            // An error would be a panic, and those are caught in the thread.
            drop(thread.join());
        }
    }

    async fn compute_tag(
        &self,
        (lane, flow): (Lane, Flow),
        password: &[u8],
        hash: &StoredHash,
        deadline: Instant,
    ) -> Result<Tag, HashingError> {
        let (job, tag) = Job::new(password, hash, deadline);
        self.0.queue.admit(lane, job.of(flow))?;
        match timeout_at(deadline, tag).await {
            Ok(Ok(answer)) => answer,
            // No answer: the job failed, or a thread saw the deadline pass just before the timer did.
            Ok(Err(_)) if Instant::now() < deadline => Err(HashingError::Failed),
            Ok(Err(_)) | Err(_) => Err(HashingError::DeadlineExceeded),
        }
    }
}

impl Drop for Engine {
    /// Lets the threads end without waiting for them, as `stop` does.
    fn drop(&mut self) {
        self.queue.close();
    }
}

#[cfg(test)]
mod tests;
