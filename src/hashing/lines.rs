//! The jobs that wait: a line for each class, and turns between the lines, so that a flood of one
//! class is not what the other waits for.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::job::Job;

/// What a caller waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// To have a password verified.
    Login,
    /// To have a new password hashed.
    Registration,
}

impl Class {
    fn other(self) -> Self {
        match self {
            Self::Login => Self::Registration,
            Self::Registration => Self::Login,
        }
    }
}

/// Two lines, and the rehash that nobody waits for.
pub(super) struct Lines {
    logins: VecDeque<Job>,
    registrations: VecDeque<Job>,
    /// Who goes first when both wait.
    turn: Class,
    rehash: Option<Job>,
}

impl Lines {
    pub(super) fn new() -> Self {
        Self {
            logins: VecDeque::new(),
            registrations: VecDeque::new(),
            turn: Class::Login,
            rehash: None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0 && self.rehash.is_none()
    }

    /// Those that somebody waits for.
    pub(super) fn len(&self) -> usize {
        self.logins.len() + self.registrations.len()
    }

    pub(super) fn len_of(&self, class: Class) -> usize {
        match class {
            Class::Login => self.logins.len(),
            Class::Registration => self.registrations.len(),
        }
    }

    /// Those that somebody waits for, line by line.
    pub(super) fn jobs(&self) -> impl Iterator<Item = &Job> {
        self.logins.iter().chain(&self.registrations)
    }

    /// How many of them start before one that joined its line now: its own line, and as many of the
    /// other as have a turn by then.
    pub(super) fn ahead_of(&self, class: Class) -> usize {
        let own = self.len_of(class);
        let turns = own + usize::from(self.turn != class);
        own + self.len_of(class.other()).min(turns)
    }

    pub(super) fn push(&mut self, class: Class, job: Job) {
        self.line(class).push_back(job);
    }

    /// Has a rehash wait for a moment in which nobody else does.
    pub(super) fn push_rehash(&mut self, job: Job) {
        self.rehash = Some(job);
    }

    /// Drops those that nobody waits for any more.
    pub(super) fn drop_unwanted(&mut self, now: Instant) {
        self.logins.retain(|job| job.is_wanted(now));
        self.registrations.retain(|job| job.is_wanted(now));
        self.rehash.take_if(|job| !job.is_wanted(now));
    }

    /// The next that may start: the first of the line whose turn it is, else of the other.
    pub(super) fn pop(&mut self, may_start: impl Fn(&Job) -> bool) -> Option<Job> {
        for class in [self.turn, self.turn.other()] {
            let line = self.line(class);
            if let Some(job) = line
                .iter()
                .position(&may_start)
                .and_then(|at| line.remove(at))
            {
                self.turn = class.other();
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

    fn line(&mut self, class: Class) -> &mut VecDeque<Job> {
        match class {
            Class::Login => &mut self.logins,
            Class::Registration => &mut self.registrations,
        }
    }
}
