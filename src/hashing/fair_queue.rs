//! The waiting jobs: a lane for logins and a lane for registrations, served in turn, so that a flood in
//! one lane does not delay the other.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::job::Job;

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
    logins: VecDeque<Job>,
    registrations: VecDeque<Job>,
    /// The lane that goes first when both have jobs.
    turn: Lane,
    rehash: Option<Job>,
}

impl FairQueue {
    pub(super) fn new() -> Self {
        Self {
            logins: VecDeque::new(),
            registrations: VecDeque::new(),
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
        match lane {
            Lane::Login => self.logins.len(),
            Lane::Registration => self.registrations.len(),
        }
    }

    pub(super) fn jobs(&self) -> impl Iterator<Item = &Job> {
        self.logins.iter().chain(&self.registrations)
    }

    /// The number of jobs that start before a job that joins `lane` now: those of its lane, and those
    /// of the other lane that have a turn by then.
    pub(super) fn ahead_of(&self, lane: Lane) -> usize {
        let own = self.len_of(lane);
        let turns = own + usize::from(self.turn != lane);
        own + self.len_of(lane.other()).min(turns)
    }

    pub(super) fn push(&mut self, lane: Lane, job: Job) {
        self.jobs_of(lane).push_back(job);
    }

    /// Keeps one rehash for a moment without other jobs.
    pub(super) fn push_rehash(&mut self, job: Job) {
        self.rehash = Some(job);
    }

    pub(super) fn drop_unwanted(&mut self, now: Instant) {
        self.logins.retain(|job| job.is_wanted(now));
        self.registrations.retain(|job| job.is_wanted(now));
        self.rehash.take_if(|job| !job.is_wanted(now));
    }

    /// Takes the first job that may start, from the lane whose turn it is or else from the other.
    pub(super) fn pop(&mut self, may_start: impl Fn(&Job) -> bool) -> Option<Job> {
        for lane in [self.turn, self.turn.other()] {
            let jobs = self.jobs_of(lane);
            if let Some(job) = jobs
                .iter()
                .position(&may_start)
                .and_then(|at| jobs.remove(at))
            {
                self.turn = lane.other();
                return Some(job);
            }
        }
        self.rehash.take_if(|job| may_start(job))
    }

    pub(super) fn clear(&mut self) {
        self.logins.clear();
        self.registrations.clear();
        self.rehash = None;
    }

    fn jobs_of(&mut self, lane: Lane) -> &mut VecDeque<Job> {
        match lane {
            Lane::Login => &mut self.logins,
            Lane::Registration => &mut self.registrations,
        }
    }
}
