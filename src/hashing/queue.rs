//! Admits, refuses and orders hashing jobs. The bound keeps a flood of logins from exhausting memory, and
//! the estimated wait keeps a job from being admitted that would miss its deadline.

mod room;

use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tokio::time::Instant;

use super::{
    HashingError, HashingSettings, Memory,
    algorithm::Algorithm,
    fair_queue::{FairQueue, Lane},
    flow::Flow,
    job::Job,
    metrics::{HashingCounters, HashingMetrics, Refusal},
    parameters::Parameters,
};
use room::Arrival;

/// Weight of the newest hash in the mean: one in eight, as TCP smooths round trips (RFC 6298).
const SMOOTHING: u32 = 8;
/// Costly jobs have at most this part of the threads' time while others wait.
const COSTLY_DIVISOR: u32 = 4;

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
    /// How many costly jobs run.
    costly_running: usize,
    /// The time of other jobs that comes before the next costly one, while such jobs wait.
    owed: Duration,
    /// The mean time of recent hashes.
    mean: Duration,
    closed: bool,
}

impl JobQueue {
    pub(super) fn new(settings: &HashingSettings, current: Parameters, workers: usize) -> Self {
        Self {
            current,
            workers,
            waiting_max: settings.queue,
            max_wait: settings.max_wait,
            state: Mutex::new(JobQueueState {
                waiting: FairQueue::new(),
                running: 0,
                heavy_runs: false,
                costly_running: 0,
                owed: Duration::ZERO,
                // Until the first is measured.
                mean: Algorithm::argon2id(current).nominal_time(),
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
        let arrival = Arrival {
            lane,
            flow: job.flow(),
            heavy: self.is_heavy(&job),
            costly: self.is_costly(&job),
        };
        self.check_room(&mut state, arrival, job.deadline())?;
        if !self.would_start(&state, arrival) && self.is_full(&state, lane) {
            self.displace(&mut state, lane);
        }
        state.waiting.push(lane, job);
        self.arrived.notify_one();
        Ok(())
    }

    /// Whether `admit` would admit a light job of a flow now, for a caller that must read the database
    /// before it can make the job.
    pub(super) fn would_admit(
        &self,
        lane: Lane,
        flow: &Flow,
        deadline: Instant,
    ) -> Result<(), HashingError> {
        let arrival = Arrival {
            lane,
            flow,
            heavy: false,
            costly: false,
        };
        self.check_room(&mut self.state.lock(), arrival, deadline)
    }

    fn check_room(
        &self,
        state: &mut JobQueueState,
        arrival: Arrival<'_>,
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
        if self.refusal(state, arrival, left).is_some() {
            // Abandoned jobs must not take the room of wanted ones.
            self.drop_unwanted(state, now);
            if let Some(refusal) = self.refusal(state, arrival, left) {
                self.counters.refuse(refusal);
                let retry_after = self.estimated_wait(state, arrival);
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
        let time_taken = time.unwrap_or_default();
        if self.is_costly(job) {
            state.costly_running -= 1;
            state.owed = time_taken * (COSTLY_DIVISOR - 1);
        } else {
            state.owed = state.owed.saturating_sub(time_taken);
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

    /// Whether a job takes longer than one with the parameters of new hashes, as those of other systems
    /// may.
    fn is_costly(&self, job: &Job) -> bool {
        let usual = Algorithm::argon2id(self.current).nominal_time();
        job.algorithm().nominal_time() > usual * 3 / 2
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

    fn drop_unwanted(&self, state: &mut JobQueueState, now: Instant) {
        let before = state.waiting.len();
        state.waiting.drop_unwanted(now);
        let dropped = before - state.waiting.len();
        self.counters.abandoned.inc_by(dropped as u64);
    }

    /// Takes the next job that may run. Heavy jobs are skipped while one runs, and costly ones beyond
    /// their part of the threads or, while others wait, of the time. Abandoned jobs never start.
    fn start_next(&self, state: &mut JobQueueState) -> Option<Job> {
        let now = Instant::now();
        self.drop_unwanted(state, now);
        let heavy_runs = state.heavy_runs;
        let has_thread = state.costly_running < self.costly_threads();
        let others_wait = || state.waiting.jobs().any(|job| !self.is_costly(job));
        let costly_may = has_thread && (state.owed.is_zero() || !others_wait());
        let job = state.waiting.pop(|job| {
            !(heavy_runs && self.is_heavy(job)) && (costly_may || !self.is_costly(job))
        })?;
        self.counters.wait.observe(now - job.created());
        state.running += 1;
        state.heavy_runs |= self.is_heavy(&job);
        state.costly_running += usize::from(self.is_costly(&job));
        Some(job)
    }
}

#[cfg(test)]
mod tests;
