//! Who gets a place in the queue: how full it is, how long a job would wait, and who gives up a place
//! for another.

use std::time::Duration;

use super::{COSTLY_DIVISOR, JobQueue, JobQueueState};
use crate::hashing::{HashingError, fair_queue::Lane, flow::Flow, job::Job, metrics::Refusal};

/// While others wait, one flow has at most this part of the places.
const FLOW_DIVISOR: usize = 4;
/// One lane alone fills at most seven eighths of the places. The rest is enough for the other lane to
/// have a job waiting at each of its turns.
const RESERVED_DIVISOR: usize = 8;

/// A job that asks for a place.
#[derive(Clone, Copy)]
pub(super) struct Arrival<'j> {
    pub(super) lane: Lane,
    pub(super) flow: &'j Flow,
    pub(super) heavy: bool,
    pub(super) costly: bool,
}

impl JobQueue {
    /// The reason to refuse a job; `None`: it can be admitted.
    pub(super) fn refusal(
        &self,
        state: &JobQueueState,
        arrival: Arrival<'_>,
        left: Duration,
    ) -> Option<Refusal> {
        if self.would_start(state, arrival) {
            return None;
        }
        let wait = self.estimated_wait(state, arrival);
        let is_full = self.is_full(state, arrival.lane) && !self.may_displace(state, arrival);
        if is_full || self.has_its_share(state, arrival.flow) {
            Some(Refusal::QueueFull)
        } else if wait > left {
            Some(Refusal::Deadline)
        } else if wait > self.max_wait {
            Some(Refusal::MaxWait)
        } else {
            None
        }
    }

    /// Whether a thread is free for a job after the jobs before it have started.
    pub(super) fn would_start(&self, state: &JobQueueState, arrival: Arrival<'_>) -> bool {
        let (mut heavy, mut costly) = (state.heavy_runs, state.costly_running);
        for job in state.waiting.jobs() {
            heavy |= self.is_heavy(job);
            costly += usize::from(self.is_costly(job));
        }
        let is_held_up =
            arrival.heavy && heavy || arrival.costly && costly >= self.costly_threads();
        !is_held_up && state.running + self.starting(state) < self.workers
    }

    /// The number of waiting jobs that start as soon as a free thread has woken up.
    fn starting(&self, state: &JobQueueState) -> usize {
        let mut heavy_may = usize::from(!state.heavy_runs);
        let mut costly_may = self.costly_threads().saturating_sub(state.costly_running);
        let free = self.workers - state.running;
        let may_start = |job: &&Job| {
            let take = |is_so: bool, slots: &mut usize| {
                let may = !is_so || *slots > 0;
                *slots -= usize::from(is_so && may);
                may
            };
            take(self.is_heavy(job), &mut heavy_may) && take(self.is_costly(job), &mut costly_may)
        };
        state.waiting.jobs().filter(may_start).take(free).count()
    }

    /// The threads that costly jobs may have at once.
    pub(super) fn costly_threads(&self) -> usize {
        (self.workers / COSTLY_DIVISOR as usize).max(1)
    }

    /// Whether all places, or all that the lane may fill, are taken.
    pub(super) fn is_full(&self, state: &JobQueueState, lane: Lane) -> bool {
        let starting = self.starting(state);
        let taken = |count: usize| count.saturating_sub(starting);
        let own_max = self.waiting_max - self.waiting_max / RESERVED_DIVISOR;
        taken(state.waiting.len()) >= self.waiting_max
            || taken(state.waiting.len_of(lane)) >= own_max
    }

    /// The places that a flow may fill while others wait.
    fn share(&self) -> usize {
        (self.waiting_max / FLOW_DIVISOR).max(1)
    }

    /// Whether a flow has all the places that are its own while others wait.
    fn has_its_share(&self, state: &JobQueueState, flow: &Flow) -> bool {
        let own = state.waiting.len_of_flow(flow);
        own >= self.share() && own < state.waiting.len()
    }

    /// Whether another flow has more than its share of the lane, and so gives up a place.
    fn may_displace(&self, state: &JobQueueState, arrival: Arrival<'_>) -> bool {
        let longest = state.waiting.longest(arrival.lane);
        longest.is_some_and(|(flow, length)| flow != arrival.flow && length > self.share())
    }

    /// Gives up the newest job of the flow that has the most.
    pub(super) fn displace(&self, state: &mut JobQueueState, lane: Lane) {
        let Some(job) = state.waiting.pop_newest_of_longest(lane) else {
            return;
        };
        self.counters.refuse(Refusal::QueueFull);
        let arrival = Arrival {
            lane,
            flow: job.flow(),
            heavy: false,
            costly: false,
        };
        let retry_after = self.estimated_wait(state, arrival);
        job.give_up(HashingError::Overloaded { retry_after });
    }

    /// Jobs ahead × mean time ÷ threads.
    pub(super) fn estimated_wait(&self, state: &JobQueueState, arrival: Arrival<'_>) -> Duration {
        let to_u32 = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let ahead = state.running + state.waiting.ahead_of(arrival.lane, arrival.flow);
        state.mean.saturating_mul(to_u32(ahead)) / to_u32(self.workers)
    }

    /// Whether a job may wait for so many others that follow one another, each from here on.
    pub(in crate::hashing) fn would_wait_behind(&self, others: usize) -> Result<(), HashingError> {
        let others = u32::try_from(others).unwrap_or(u32::MAX);
        let wait = self.state.lock().mean.saturating_mul(others);
        if wait > self.max_wait {
            self.counters.refuse(Refusal::MaxWait);
            return Err(HashingError::Overloaded { retry_after: wait });
        }
        Ok(())
    }
}
