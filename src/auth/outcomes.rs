//! Outcomes that change nothing, on their way to `events`. They are never written while somebody waits
//! for an answer: known and unknown users alike enter one batch in memory, which is written every few
//! seconds and on drain.
//!
//! What is alike within a minute is one row with a count. The batch is bounded; what finds it full is
//! counted without its details.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
};

use parking_lot::Mutex;

use crate::{
    domain::{CallerName, Event, EventId, EventKind, Origin, Timestamp, UserId, uuid_v7},
    metrics::Counter,
};

/// The most rows that are held with their details; a row takes at most some 1.5 KiB.
const ROWS_MAX: usize = 4_096;

/// What became of outcomes, since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutcomeMetrics {
    /// Those that are not written yet.
    pub waiting: u64,
    /// Those that were written.
    pub written: u64,
    /// Those that are a count in the row of an earlier one, of the same user and address.
    pub folded: u64,
    /// Those that are only counted, because the batch was full.
    pub coarse: u64,
    /// Those that could not be written and are gone.
    pub lost: u64,
}

/// The batch.
#[derive(Default)]
pub(super) struct Outcomes {
    batch: Mutex<HashMap<Key, Row>>,
    written: Counter,
    folded: Counter,
    coarse: Counter,
    lost: Counter,
}

/// An outcome to note.
pub(super) struct Outcome {
    pub(super) kind: EventKind,
    pub(super) at: Timestamp,
    /// `None`: nobody matched. What was typed is not kept: people type passwords there.
    pub(super) user_id: Option<UserId>,
    pub(super) origin: Origin,
}

/// What outcomes have in common that are one row.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    kind: EventKind,
    /// `None`: the row of all that found the batch full.
    detail: Option<Detail>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Detail {
    minute: i64,
    user_id: Option<UserId>,
    caller: Option<CallerName>,
    ip: Option<IpAddr>,
}

struct Row {
    /// The first of them.
    event: Event,
    count: u64,
    /// How many of them the database knows.
    written: u64,
}

/// A row as the database shall have it.
pub(super) type Snapshot = (Key, Event, u64);

impl Outcome {
    fn key(&self) -> Key {
        Key {
            kind: self.kind,
            detail: Some(Detail {
                minute: minute(self.at),
                user_id: self.user_id,
                caller: self.origin.caller.clone(),
                ip: self.origin.client.ip,
            }),
        }
    }

    /// Without what tells it from others of its kind.
    fn coarse(&mut self) -> Key {
        self.user_id = None;
        self.origin = Origin::default();
        Key {
            kind: self.kind,
            detail: None,
        }
    }
}

impl Row {
    fn waiting(&self) -> u64 {
        self.count - self.written
    }
}

impl Outcomes {
    /// Takes an outcome in; nobody waits for it. The random bytes are for the id of a new row.
    pub(super) fn note(&self, mut outcome: Outcome, random: [u8; 10]) {
        let mut batch = self.batch.lock();
        let mut key = outcome.key();
        if batch.len() >= ROWS_MAX && !batch.contains_key(&key) {
            key = outcome.coarse();
            self.coarse.increment();
        } else if batch.contains_key(&key) {
            self.folded.increment();
        }
        match batch.entry(key) {
            Entry::Occupied(mut row) => row.get_mut().count += 1,
            Entry::Vacant(place) => {
                place.insert(Row {
                    event: outcome.event(random),
                    count: 1,
                    written: 0,
                });
            }
        }
    }

    /// The rows that the database does not know as they are now.
    pub(super) fn unwritten(&self) -> Vec<Snapshot> {
        self.batch
            .lock()
            .iter()
            .filter(|(_, row)| row.waiting() > 0)
            .map(|(key, row)| (key.clone(), row.event.clone(), row.count))
            .collect()
    }

    /// Notes that the database knows rows.
    pub(super) fn written(&self, rows: &[Snapshot]) {
        self.written.add(self.settle(rows));
    }

    /// Notes that the database will never know rows.
    pub(super) fn lost(&self, rows: &[Snapshot]) -> u64 {
        let lost = self.settle(rows);
        self.lost.add(lost);
        lost
    }

    /// How many outcomes of these rows are settled by this.
    fn settle(&self, rows: &[Snapshot]) -> u64 {
        let mut batch = self.batch.lock();
        let mut settled = 0;
        for (key, event, count) in rows {
            let row = batch.get_mut(key).filter(|row| row.event.id == event.id);
            if let Some(row) = row
                && *count > row.written
            {
                settled += count - row.written;
                row.written = *count;
            }
        }
        settled
    }

    /// Lets go of rows that are written and will not grow: their minute is over. When many are held,
    /// of all that are written: a minute then has several rows for what is alike, and no outcome
    /// loses its details.
    pub(super) fn tidy(&self, now: Timestamp) {
        let mut batch = self.batch.lock();
        let is_crowded = batch.len() > ROWS_MAX / 2;
        batch.retain(|_, row| {
            let grows = !is_crowded && minute(row.event.at) == minute(now);
            row.waiting() > 0 || grows
        });
    }

    /// What became of outcomes so far.
    pub(super) fn metrics(&self) -> OutcomeMetrics {
        OutcomeMetrics {
            waiting: self.batch.lock().values().map(Row::waiting).sum(),
            written: self.written.get(),
            folded: self.folded.get(),
            coarse: self.coarse.get(),
            lost: self.lost.get(),
        }
    }
}

impl Outcome {
    fn event(self, random: [u8; 10]) -> Event {
        Event {
            id: EventId::new(uuid_v7(self.at, random)),
            kind: self.kind,
            at: self.at,
            user_id: self.user_id,
            session_id: None,
            origin: self.origin,
        }
    }
}

fn minute(at: Timestamp) -> i64 {
    at.timestamp().div_euclid(60)
}

#[cfg(test)]
mod tests;
