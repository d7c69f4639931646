//! Admits, refuses and orders hashing jobs. The bound keeps a flood of logins from exhausting memory, and
//! the estimated wait keeps a job from being admitted that would miss its deadline.

use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tokio::time::Instant;

use super::{
    HashingError, HashingSettings, Memory,
    fair_queue::{FairQueue, Lane},
    job::Job,
    metrics::{HashingCounters, HashingMetrics, Refusal},
    parameters::Parameters,
};

/// The assumed time of a hash before the first is measured, in nanoseconds for each KiB and pass: about
/// right for a server of this decade.
const NANOSECONDS_PER_KIB: u64 = 500;
/// Weight of the newest hash in the mean: one in eight, as TCP smooths round trips (RFC 6298).
const SMOOTHING: u32 = 8;
/// One lane alone fills at most seven eighths of the places. The rest is enough for the other lane to
/// have a job waiting at each of its turns.
const RESERVED_DIVISOR: usize = 8;

/// The waiting jobs, and the number of running ones.
pub(super) struct JobQueue {
    current: Parameters,
    workers: usize,
    waiting_max: usize,
    max_wait: Duration,
    state: Mutex<JobQueueState>,
    arrived: Condvar,
    pub(super) counters: HashingCounters,
}

struct JobQueueState {
    waiting: FairQueue,
    running: usize,
    /// Whether a heavy job runs. Only one may run at a time, because the memory reserve has room for
    /// one extra arena.
    heavy_runs: bool,
    /// The mean time of recent hashes.
    mean: Duration,
    closed: bool,
}

impl JobQueue {
    pub(super) fn new(settings: &HashingSettings, current: Parameters, workers: usize) -> Self {
        let work_kib = u64::from(current.memory_kib()) * u64::from(current.iterations());
        Self {
            current,
            workers,
            waiting_max: settings.queue,
            max_wait: settings.max_wait,
            state: Mutex::new(JobQueueState {
                waiting: FairQueue::new(),
                running: 0,
                heavy_runs: false,
                mean: Duration::from_nanos(work_kib * NANOSECONDS_PER_KIB),
                closed: false,
            }),
            arrived: Condvar::new(),
            counters: HashingCounters::default(),
        }
    }

    /// Admits a job if a thread is free for it, or if it has room and time to wait.
    ///
    /// # Errors
    /// `DeadlineExceeded`, `Overloaded`, or `Failed` once closed.
    pub(super) fn admit(&self, lane: Lane, job: Job) -> Result<(), HashingError> {
        let mut state = self.state.lock();
        self.make_room(&mut state, lane, self.is_heavy(&job), job.deadline())?;
        state.waiting.push(lane, job);
        self.arrived.notify_one();
        Ok(())
    }

    /// Whether `admit` would admit a light job now, for a caller that must read the database before it
    /// can make the job.
    pub(super) fn would_admit(&self, lane: Lane, deadline: Instant) -> Result<(), HashingError> {
        self.make_room(&mut self.state.lock(), lane, false, deadline)
    }

    fn make_room(
        &self,
        state: &mut JobQueueState,
        lane: Lane,
        heavy: bool,
        deadline: Instant,
    ) -> Result<(), HashingError> {
        let now = Instant::now();
        let Some(left) = deadline
            .checked_duration_since(now)
            .filter(|left| !left.is_zero())
        else {
            self.counters.refuse(Refusal::Deadline);
            return Err(HashingError::DeadlineExceeded);
        };
        if state.closed {
            return Err(HashingError::Failed);
        }
        if self.refusal(state, lane, heavy, left).is_some() {
            // Abandoned jobs must not take the room of wanted ones.
            self.drop_unwanted(state, now);
            if let Some(refusal) = self.refusal(state, lane, heavy, left) {
                self.counters.refuse(refusal);
                let retry_after = self.estimated_wait(state, lane);
                return Err(HashingError::Overloaded { retry_after });
            }
        }
        Ok(())
    }

    /// Admits a rehash when no job waits and a thread is free, else drops it. Jobs that arrive before
    /// it has started go first.
    pub(super) fn admit_if_idle(&self, job: Job) {
        let mut state = self.state.lock();
        if !state.closed && state.waiting.is_empty() && state.running < self.workers {
            state.waiting.push_rehash(job);
            self.arrived.notify_one();
        }
    }

    /// Takes the next job; `None`: no job can run now.
    pub(super) fn try_take(&self) -> Option<Job> {
        self.start_next(&mut self.state.lock())
    }

    /// Waits for the next job; `None`: the queue is closed.
    pub(super) fn take(&self) -> Option<Job> {
        let mut state = self.state.lock();
        loop {
            if let Some(job) = self.start_next(&mut state) {
                return Some(job);
            }
            if state.closed {
                return None;
            }
            self.arrived.wait(&mut state);
        }
    }

    /// Frees the slot of a taken job; `time`: the duration of its hash, if it succeeded.
    pub(super) fn finish(&self, job: &Job, time: Option<Duration>) {
        let mut state = self.state.lock();
        state.running -= 1;
        if self.is_heavy(job) {
            state.heavy_runs = false;
        }
        if let Some(time) = time {
            self.counters.duration.observe(time);
            state.mean = state.mean * (SMOOTHING - 1) / SMOOTHING + time / SMOOTHING;
        }
    }

    /// Drops waiting jobs and admits no more.
    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        state.waiting.clear();
        self.arrived.notify_all();
    }

    /// Whether a job needs more memory than an arena of the threads has.
    pub(super) fn is_heavy(&self, job: &Job) -> bool {
        job.algorithm().is_heavy(self.current.memory_kib())
    }

    pub(super) fn metrics(&self) -> HashingMetrics {
        let (waiting, running) = {
            let state = self.state.lock();
            (state.waiting.len(), state.running)
        };
        HashingMetrics {
            memory: Memory {
                workers: self.workers,
                memory_kib: self.current.memory_kib(),
            },
            waiting_max: self.waiting_max,
            waiting,
            running,
            counters: self.counters.clone(),
        }
    }

    /// The reason to refuse a job; `None`: it can be admitted.
    fn refusal(
        &self,
        state: &JobQueueState,
        lane: Lane,
        heavy: bool,
        left: Duration,
    ) -> Option<Refusal> {
        if self.would_start(state, heavy) {
            return None;
        }
        let wait = self.estimated_wait(state, lane);
        if self.is_full(state, lane) {
            Some(Refusal::QueueFull)
        } else if wait > left {
            Some(Refusal::Deadline)
        } else if wait > self.max_wait {
            Some(Refusal::MaxWait)
        } else {
            None
        }
    }

    fn drop_unwanted(&self, state: &mut JobQueueState, now: Instant) {
        let before = state.waiting.len();
        state.waiting.drop_unwanted(now);
        let dropped = before - state.waiting.len();
        self.counters.abandoned.inc_by(dropped as u64);
    }

    /// Whether a thread is free for a job after the jobs before it have started.
    fn would_start(&self, state: &JobQueueState, heavy: bool) -> bool {
        let is_held_up =
            heavy && (state.heavy_runs || state.waiting.jobs().any(|job| self.is_heavy(job)));
        !is_held_up && state.running + self.starting(state) < self.workers
    }

    /// The number of waiting jobs that start as soon as a free thread has woken up.
    fn starting(&self, state: &JobQueueState) -> usize {
        let is_heavy = |job: &&Job| self.is_heavy(job);
        let heavy = state.waiting.jobs().filter(is_heavy).count();
        let light = state.waiting.len() - heavy;
        let may_start = light + usize::from(heavy > 0 && !state.heavy_runs);
        may_start.min(self.workers - state.running)
    }

    /// Whether all places, or all that the lane may fill, are taken.
    fn is_full(&self, state: &JobQueueState, lane: Lane) -> bool {
        let starting = self.starting(state);
        let taken = |count: usize| count.saturating_sub(starting);
        let own_max = self.waiting_max - self.waiting_max / RESERVED_DIVISOR;
        taken(state.waiting.len()) >= self.waiting_max
            || taken(state.waiting.len_of(lane)) >= own_max
    }

    /// Jobs ahead × mean time ÷ threads.
    fn estimated_wait(&self, state: &JobQueueState, lane: Lane) -> Duration {
        let to_u32 = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let ahead = state.running + state.waiting.ahead_of(lane);
        state.mean.saturating_mul(to_u32(ahead)) / to_u32(self.workers)
    }

    /// Takes the next job that may run, skipping heavy jobs while one runs. Abandoned jobs never start.
    fn start_next(&self, state: &mut JobQueueState) -> Option<Job> {
        let now = Instant::now();
        self.drop_unwanted(state, now);
        let heavy_runs = state.heavy_runs;
        let job = state
            .waiting
            .pop(|job| !(heavy_runs && self.is_heavy(job)))?;
        self.counters.wait.observe(now - job.created());
        state.running += 1;
        state.heavy_runs |= self.is_heavy(&job);
        Some(job)
    }
}

#[cfg(test)]
mod tests;
