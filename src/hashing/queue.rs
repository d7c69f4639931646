//! Who is let in, who waits and who is next: the bound that keeps a flood of logins from using up
//! memory, and every accepted call from waiting longer than it has time.

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

/// What a hash is taken to need before the first was measured, in nanoseconds for each KiB and
/// pass; about right for a server of this decade.
const NANOSECONDS_PER_KIB: u64 = 500;
/// Weight of the newest hash in the mean: one in eight, as TCP smooths round trips (RFC 6298).
const SMOOTHING: u32 = 8;
/// One in eight places is never filled by one lane alone. That many are enough for the other to
/// have somebody waiting whenever its turn comes.
const KEPT_FREE: usize = 8;

/// The jobs that wait, and the count of those that run.
pub(super) struct Queue {
    current: Parameters,
    workers: usize,
    waiting_max: usize,
    max_wait: Duration,
    state: Mutex<State>,
    arrived: Condvar,
    pub(super) counters: HashingCounters,
}

struct State {
    waiting: FairQueue,
    running: usize,
    /// Whether a job above the current memory runs: one in the process at most, because only one
    /// arena of that size was left room for.
    heavy_runs: bool,
    /// Mean time of recent hashes.
    mean: Duration,
    closed: bool,
}

impl Queue {
    pub(super) fn new(settings: &HashingSettings, current: Parameters, workers: usize) -> Self {
        let work_kib = u64::from(current.memory_kib()) * u64::from(current.iterations());
        Self {
            current,
            workers,
            waiting_max: settings.queue,
            max_wait: settings.max_wait,
            state: Mutex::new(State {
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

    /// Lets a job in: a thread is free for it, or there is room and time to wait.
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

    /// Whether a job would be let in now, for whoever has something to ask elsewhere before there is
    /// one: a login that is going to be refused costs the database nothing.
    ///
    /// # Errors
    /// As `admit`.
    pub(super) fn would_admit(&self, lane: Lane, deadline: Instant) -> Result<(), HashingError> {
        self.make_room(&mut self.state.lock(), lane, false, deadline)
    }

    fn make_room(
        &self,
        state: &mut State,
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
            // Those that nobody waits for any more take no room from those that somebody does.
            self.drop_unwanted(state, now);
            if let Some(refusal) = self.refusal(state, lane, heavy, left) {
                self.counters.refuse(refusal);
                let retry_after = self.estimated_wait(state, lane);
                return Err(HashingError::Overloaded { retry_after });
            }
        }
        Ok(())
    }

    /// Lets a rehash in when nobody waits and a thread is free; else drops it. Whoever comes before
    /// it has started goes first.
    pub(super) fn admit_if_idle(&self, job: Job) {
        let mut state = self.state.lock();
        if !state.closed && state.waiting.is_empty() && state.running < self.workers {
            state.waiting.push_rehash(job);
            self.arrived.notify_one();
        }
    }

    /// The next job to run now; `None`: there is none.
    pub(super) fn try_take(&self) -> Option<Job> {
        self.start_next(&mut self.state.lock())
    }

    /// Waits for the next job to run; `None`: closed.
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

    /// Gives the slot of a taken job back; `time`: what its hash took, if it came to an end.
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

    /// Drops what waits and lets nothing in any more.
    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        state.waiting.clear();
        self.arrived.notify_all();
    }

    /// Whether a job needs more memory than the arenas of the threads have.
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

    /// Why there is no room for a job, if there is none.
    fn refusal(&self, state: &State, lane: Lane, heavy: bool, left: Duration) -> Option<Refusal> {
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

    fn drop_unwanted(&self, state: &mut State, now: Instant) {
        let before = state.waiting.len();
        state.waiting.drop_unwanted(now);
        let dropped = before - state.waiting.len();
        self.counters.abandoned.inc_by(dropped as u64);
    }

    /// Whether a thread is left for a job when those before it have had theirs.
    fn would_start(&self, state: &State, heavy: bool) -> bool {
        let is_held_up =
            heavy && (state.heavy_runs || state.waiting.jobs().any(|job| self.is_heavy(job)));
        !is_held_up && state.running + self.starting(state) < self.workers
    }

    /// How many of those that wait only do so until a free thread has woken up.
    fn starting(&self, state: &State) -> usize {
        let is_heavy = |job: &&Job| self.is_heavy(job);
        let heavy = state.waiting.jobs().filter(is_heavy).count();
        let light = state.waiting.len() - heavy;
        let may_start = light + usize::from(heavy > 0 && !state.heavy_runs);
        may_start.min(self.workers - state.running)
    }

    /// Whether all places are taken, or all that one lane may fill.
    fn is_full(&self, state: &State, lane: Lane) -> bool {
        let starting = self.starting(state);
        let taken = |count: usize| count.saturating_sub(starting);
        let own_max = self.waiting_max - self.waiting_max / KEPT_FREE;
        taken(state.waiting.len()) >= self.waiting_max
            || taken(state.waiting.len_of(lane)) >= own_max
    }

    /// Jobs ahead × mean time ÷ threads.
    fn estimated_wait(&self, state: &State, lane: Lane) -> Duration {
        let of = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let ahead = state.running + state.waiting.ahead_of(lane);
        state.mean.saturating_mul(of(ahead)) / of(self.workers)
    }

    /// Takes the next job that may run, past heavy ones while one of them runs. What nobody waits
    /// for any more never starts.
    fn start_next(&self, state: &mut State) -> Option<Job> {
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
