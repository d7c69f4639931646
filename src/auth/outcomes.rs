//! The outcomes of logins on their way to the table `events`. No answer waits for their write, so
//! its time tells nothing about a user: outcomes of known and unknown users enter one batch in
//! memory, which is written every few seconds and in the drain.
//!
//! Outcomes that are alike within a minute share a row, which counts them. A user has so many rows a
//! minute, and the batch is bounded; outcomes beyond are counted with fewer details.

use std::{collections::HashMap, net::IpAddr};

use parking_lot::Mutex;

use crate::{
    domain::{CallerName, ClientInfo, Event, EventKind, EventOrigin, Timestamp, UserId},
    metrics::Counter,
};

/// The most rows with details, of at most 1.5 KiB each.
const ROWS_MAX: usize = 4_096;

/// The most rows of a user in a minute. Further outcomes are counted without their client: whoever tries
/// from many addresses would fill the table, which keeps events for a year.
const ROWS_OF_USER: u32 = 20;

/// Counts of outcomes since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutcomeMetrics {
    pub waiting: u64,
    pub written: u64,
    /// Counted in the row of an earlier outcome that was alike.
    pub folded: u64,
    /// Counted without details, because the batch was full.
    pub coarse: u64,
    /// Given up, because they could not be written.
    pub lost: u64,
}

#[derive(Default)]
pub(super) struct Outcomes {
    batch: Mutex<Batch>,
    written: Counter,
    folded: Counter,
    coarse: Counter,
    lost: Counter,
}

#[derive(Default)]
struct Batch {
    rows: HashMap<OutcomeKey, OutcomeRow>,
    /// The rows that each user has had in a minute.
    of_users: HashMap<(UserId, i64), u32>,
}

/// What the outcomes of a row have in common.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct OutcomeKey {
    kind: EventKind,
    /// `None`: the row of the outcomes that found the batch full.
    detail: Option<Detail>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Detail {
    minute: i64,
    user_id: Option<UserId>,
    caller: Option<CallerName>,
    ip: Option<IpAddr>,
}

struct OutcomeRow {
    /// The event of the first outcome.
    event: Event,
    count: u64,
    /// How many of `count` are written.
    written: u64,
}

/// A row to write: its key, its event, and its count at the time of the snapshot.
pub(super) type RowSnapshot = (OutcomeKey, Event, u64);

impl OutcomeKey {
    fn new(event: &Event) -> Self {
        Self {
            kind: event.kind,
            detail: Some(Detail {
                minute: minute(event.at),
                user_id: event.user_id,
                caller: event.origin.caller.clone(),
                ip: event.origin.client.ip,
            }),
        }
    }
}

impl OutcomeRow {
    fn waiting(&self) -> u64 {
        self.count - self.written
    }
}

impl Outcomes {
    /// Adds an outcome to the batch.
    pub(super) fn note(&self, mut event: Event) {
        let mut batch = self.batch.lock();
        let Batch { rows, of_users } = &mut *batch;
        let mut key = OutcomeKey::new(&event);
        if let Some(user) = event.user_id
            && !rows.contains_key(&key)
        {
            let of_user = of_users.entry((user, minute(event.at))).or_default();
            if *of_user >= ROWS_OF_USER {
                event.origin.client = ClientInfo::default();
                key = OutcomeKey::new(&event);
            }
            *of_user += 1;
        }
        if rows.len() >= ROWS_MAX && !rows.contains_key(&key) {
            key.detail = None;
            event.user_id = None;
            event.origin = EventOrigin::default();
            self.coarse.inc();
        } else if rows.contains_key(&key) {
            self.folded.inc();
        }
        let row = rows.entry(key).or_insert(OutcomeRow {
            event,
            count: 0,
            written: 0,
        });
        row.count += 1;
    }

    /// The rows that have outcomes to write.
    pub(super) fn unwritten(&self) -> Vec<RowSnapshot> {
        self.batch
            .lock()
            .rows
            .iter()
            .filter(|(_, row)| row.waiting() > 0)
            .map(|(key, row)| (key.clone(), row.event.clone(), row.count))
            .collect()
    }

    /// Marks rows as written.
    pub(super) fn written(&self, rows: &[RowSnapshot]) {
        self.written.inc_by(self.settle(rows));
    }

    /// Gives rows up. Returns the number of their outcomes.
    pub(super) fn lost(&self, rows: &[RowSnapshot]) -> u64 {
        let lost = self.settle(rows);
        self.lost.inc_by(lost);
        lost
    }

    /// Marks rows as needing no further write. Returns the number of their outcomes.
    fn settle(&self, rows: &[RowSnapshot]) -> u64 {
        let mut batch = self.batch.lock();
        let mut settled = 0;
        for (key, event, count) in rows {
            let row = batch
                .rows
                .get_mut(key)
                .filter(|row| row.event.id == event.id);
            if let Some(row) = row
                && *count > row.written
            {
                settled += count - row.written;
                row.written = *count;
            }
        }
        settled
    }

    /// Removes written rows whose minute is over. When the batch is more than half full, all
    /// written rows are removed: a minute then has several rows of outcomes that are alike, but
    /// none loses its details.
    pub(super) fn tidy(&self, now: Timestamp) {
        let mut batch = self.batch.lock();
        let is_crowded = batch.rows.len() > ROWS_MAX / 2;
        batch.rows.retain(|_, row| {
            let grows = !is_crowded && minute(row.event.at) == minute(now);
            row.waiting() > 0 || grows
        });
        batch.of_users.retain(|(_, of), _| *of == minute(now));
    }

    pub(super) fn metrics(&self) -> OutcomeMetrics {
        OutcomeMetrics {
            waiting: self
                .batch
                .lock()
                .rows
                .values()
                .map(OutcomeRow::waiting)
                .sum(),
            written: self.written.get(),
            folded: self.folded.get(),
            coarse: self.coarse.get(),
            lost: self.lost.get(),
        }
    }
}

fn minute(at: Timestamp) -> i64 {
    at.timestamp().div_euclid(60)
}

#[cfg(test)]
mod tests;
