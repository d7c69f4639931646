//! What the engine tells of itself to whoever watches it.

use super::Memory;
use crate::metrics::{Counter, Distribution, Histogram};

/// What the engine is doing, and what it has done since it was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashingMetrics {
    /// Threads and their memory.
    pub memory: Memory,
    /// The most jobs that may wait.
    pub queue: usize,
    /// Jobs that were let in and have not started.
    pub waiting: usize,
    /// Jobs that are being computed, at most the number of threads.
    pub running: usize,
    /// Jobs that were refused.
    pub refused: Refused,
    /// Jobs that were let in and never started, because nobody waited for them any more.
    pub abandoned: u64,
    /// Passwords that were hashed again with the current parameters.
    pub rehashed: u64,
    /// How long jobs waited before they started.
    pub wait: Distribution,
    /// How long hashes took that came to an end.
    pub duration: Distribution,
}

/// Jobs that were refused, by cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// As many jobs waited as may.
    pub queue_full: u64,
    /// The estimated wait was longer than any job may wait.
    pub max_wait: u64,
    /// The estimated wait was longer than the time that the job had left, if it had any.
    pub deadline: u64,
}

/// Why a job is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    QueueFull,
    MaxWait,
    Deadline,
}

/// What the engine counts.
#[derive(Debug, Default)]
pub(super) struct Counts {
    queue_full: Counter,
    max_wait: Counter,
    deadline: Counter,
    pub(super) abandoned: Counter,
    pub(super) rehashed: Counter,
    pub(super) wait: Histogram,
    pub(super) duration: Histogram,
}

impl Counts {
    pub(super) fn refuse(&self, refusal: Refusal) {
        match refusal {
            Refusal::QueueFull => self.queue_full.increment(),
            Refusal::MaxWait => self.max_wait.increment(),
            Refusal::Deadline => self.deadline.increment(),
        }
    }

    pub(super) fn refused(&self) -> Refused {
        Refused {
            queue_full: self.queue_full.get(),
            max_wait: self.max_wait.get(),
            deadline: self.deadline.get(),
        }
    }
}
