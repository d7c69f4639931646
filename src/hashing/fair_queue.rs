//! The waiting jobs: a lane for logins and a lane for registrations, served in turn, and in each lane
//! the flows in turn. A flood, in one lane or of one flow, does not delay the others.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::{flow::Flow, job::Job};

/// The lane that a job waits in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    Login,
    /// Hashes of new passwords.
    Registration,
}

impl Lane {
    fn other(self) -> Self {
        match self {
            Self::Login => Self::Registration,
            Self::Registration => Self::Login,
        }
    }
}

/// Two lanes, and a rehash that runs when both are empty.
pub(super) struct FairQueue {
    logins: Flows,
    registrations: Flows,
    /// The lane that goes first when both have jobs.
    turn: Lane,
    rehash: Option<Job>,
}

impl FairQueue {
    pub(super) fn new() -> Self {
        Self {
            logins: Flows::default(),
            registrations: Flows::default(),
            turn: Lane::Login,
            rehash: None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0 && self.rehash.is_none()
    }

    /// The number of jobs in both lanes.
    pub(super) fn len(&self) -> usize {
        self.logins.len() + self.registrations.len()
    }

    pub(super) fn len_of(&self, lane: Lane) -> usize {
        self.lane(lane).len()
    }

    /// The number of jobs of a flow in both lanes.
    pub(super) fn len_of_flow(&self, flow: &Flow) -> usize {
        self.logins.len_of(flow) + self.registrations.len_of(flow)
    }

    pub(super) fn jobs(&self) -> impl Iterator<Item = &Job> {
        self.logins.jobs().chain(self.registrations.jobs())
    }

    /// The number of jobs that start before a job of a flow that joins `lane` now: those of its lane
    /// that have a turn by then, and those of the other lane that have.
    pub(super) fn ahead_of(&self, lane: Lane, flow: &Flow) -> usize {
        let own = self.lane(lane).ahead_of(flow);
        let turns = own + usize::from(self.turn != lane);
        own + self.len_of(lane.other()).min(turns)
    }

    pub(super) fn push(&mut self, lane: Lane, job: Job) {
        self.lane_mut(lane).push(job);
    }

    /// Keeps one rehash for a moment without other jobs.
    pub(super) fn push_rehash(&mut self, job: Job) {
        self.rehash = Some(job);
    }

    /// The flow that has the most jobs in the lane, and how many.
    pub(super) fn longest(&self, lane: Lane) -> Option<(&Flow, usize)> {
        let flows = self.lane(lane).0.iter();
        let lengths = flows.map(|(flow, jobs)| (flow, jobs.len()));
        lengths.max_by_key(|(_, length)| *length)
    }

    /// Takes the newest job of the flow that has the most in the lane.
    pub(super) fn pop_newest_of_longest(&mut self, lane: Lane) -> Option<Job> {
        let flow = self.longest(lane)?.0.clone();
        self.lane_mut(lane).pop_newest(&flow)
    }

    pub(super) fn drop_unwanted(&mut self, now: Instant) {
        self.logins.drop_unwanted(now);
        self.registrations.drop_unwanted(now);
        self.rehash.take_if(|job| !job.is_wanted(now));
    }

    /// Takes the first job that may start, from the lane whose turn it is or else from the other.
    pub(super) fn pop(&mut self, may_start: impl Fn(&Job) -> bool) -> Option<Job> {
        for lane in [self.turn, self.turn.other()] {
            if let Some(job) = self.lane_mut(lane).pop(&may_start) {
                self.turn = lane.other();
                return Some(job);
            }
        }
        self.rehash.take_if(|job| may_start(job))
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new();
    }

    fn lane(&self, lane: Lane) -> &Flows {
        match lane {
            Lane::Login => &self.logins,
            Lane::Registration => &self.registrations,
        }
    }

    fn lane_mut(&mut self, lane: Lane) -> &mut Flows {
        match lane {
            Lane::Login => &mut self.logins,
            Lane::Registration => &mut self.registrations,
        }
    }
}

/// The jobs of a lane by flow, in the order of the flows' turns. No flow is empty.
#[derive(Default)]
struct Flows(VecDeque<(Flow, VecDeque<Job>)>);

impl Flows {
    fn len(&self) -> usize {
        self.0.iter().map(|(_, jobs)| jobs.len()).sum()
    }

    fn len_of(&self, flow: &Flow) -> usize {
        self.position(flow).map_or(0, |at| self.0[at].1.len())
    }

    fn jobs(&self) -> impl Iterator<Item = &Job> {
        self.0.iter().flat_map(|(_, jobs)| jobs)
    }

    /// A job of a flow waits for the flow's other jobs, and at each of its turns for one of every other
    /// flow.
    fn ahead_of(&self, flow: &Flow) -> usize {
        let own = self.len_of(flow);
        let others = self.0.iter().filter(|(other, _)| other != flow);
        own + others
            .map(|(_, jobs)| jobs.len().min(own + 1))
            .sum::<usize>()
    }

    fn push(&mut self, job: Job) {
        if let Some(at) = self.position(job.flow()) {
            self.0[at].1.push_back(job);
        } else {
            self.0
                .push_back((job.flow().clone(), VecDeque::from([job])));
        }
    }

    /// Takes the first job that may start, of the first flow that has one; its next turn comes last.
    fn pop(&mut self, may_start: impl Fn(&Job) -> bool) -> Option<Job> {
        let first = |(at, (_, jobs)): (usize, &(Flow, VecDeque<Job>))| {
            Some((at, jobs.iter().position(&may_start)?))
        };
        let (at, place) = self.0.iter().enumerate().find_map(first)?;
        let (flow, mut jobs) = self.0.remove(at)?;
        let job = jobs.remove(place);
        if !jobs.is_empty() {
            self.0.push_back((flow, jobs));
        }
        job
    }

    fn pop_newest(&mut self, flow: &Flow) -> Option<Job> {
        let at = self.position(flow)?;
        let job = self.0[at].1.pop_back();
        if self.0[at].1.is_empty() {
            self.0.remove(at);
        }
        job
    }

    fn drop_unwanted(&mut self, now: Instant) {
        self.0.retain_mut(|(_, jobs)| {
            jobs.retain(|job| job.is_wanted(now));
            !jobs.is_empty()
        });
    }

    fn position(&self, flow: &Flow) -> Option<usize> {
        self.0.iter().position(|(other, _)| other == flow)
    }
}
