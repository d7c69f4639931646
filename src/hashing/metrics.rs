//! What the engine counts, and a reading of it for `/metrics`.

use super::Memory;
use crate::metrics::{Counter, DurationHistogram};

/// What the engine is doing, and what it has done since it was started.
pub(crate) struct HashingMetrics {
    pub(crate) memory: Memory,
    /// The most jobs that may wait.
    pub(crate) waiting_max: usize,
    pub(crate) waiting: usize,
    pub(crate) running: usize,
    pub(crate) counters: HashingCounters,
}

/// The counters of an engine. A clone shares them.
#[derive(Debug, Clone, Default)]
pub(crate) struct HashingCounters {
    pub(crate) queue_full: Counter,
    pub(crate) max_wait: Counter,
    pub(crate) deadline: Counter,
    pub(crate) abandoned: Counter,
    pub(crate) rehashed: Counter,
    pub(crate) wait: DurationHistogram,
    pub(crate) duration: DurationHistogram,
}

/// Why a job is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// As many jobs wait as may.
    QueueFull,
    /// The estimated wait is longer than any job may wait.
    MaxWait,
    /// The estimated wait is longer than the time that the job has left, if it has any.
    Deadline,
}

impl HashingCounters {
    pub(super) fn refuse(&self, refusal: Refusal) {
        match refusal {
            Refusal::QueueFull => self.queue_full.inc(),
            Refusal::MaxWait => self.max_wait.inc(),
            Refusal::Deadline => self.deadline.inc(),
        };
    }
}
