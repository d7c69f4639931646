//! When sessions were last seen. A session check notes the time in memory, which costs a short lock
//! and no write; the notes are written in batches, and in the drain. A crash loses those of one
//! interval.

use std::{
    collections::{HashMap, VecDeque},
    mem,
    time::Duration,
};

use chrono::TimeDelta;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{Auth, AuthError};
use crate::{
    domain::{Session, SessionId, Timestamp},
    metrics::Counter,
};

/// The most notes that wait to be written, about 5 MiB. Beyond that the oldest note is dropped.
const NOTED_MAX: usize = 65_536;
/// The most rows of one statement: few enough that no login waits long behind it.
const ROWS: usize = 200;
/// How long one statement may take.
const WRITE_LIMIT: Duration = Duration::from_secs(10);

pub(super) struct LastSeen {
    /// A session whose stored time is younger than this is not noted.
    interval: TimeDelta,
    notes: Mutex<Notes>,
    lost: Counter,
}

#[derive(Default)]
struct Notes {
    /// The notes that are not stored yet, those that are being stored included.
    seen: HashMap<SessionId, Timestamp>,
    /// The sessions to store next, in the order in which they were first noted.
    order: VecDeque<SessionId>,
    dropped: u64,
}

impl LastSeen {
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            interval: TimeDelta::from_std(interval).unwrap_or(TimeDelta::MAX),
            notes: Mutex::default(),
            lost: Counter::default(),
        }
    }

    /// Notes that a session was seen, unless its stored time is fresh.
    pub(super) fn note(&self, session: &Session, now: Timestamp) {
        if now - session.last_seen_at >= self.interval {
            self.notes.lock().note(session.id, now);
        }
    }

    /// When a session was last seen, where the note is not stored yet. Without it a session that
    /// was just answered as ACTIVE could be answered as EXPIRED.
    pub(super) fn noted(&self, id: SessionId) -> Option<Timestamp> {
        self.notes.lock().seen.get(&id).copied()
    }
}

impl Notes {
    fn note(&mut self, id: SessionId, now: Timestamp) {
        if let Some(seen) = self.seen.get_mut(&id) {
            *seen = now.max(*seen);
            return;
        }
        if self.seen.len() >= NOTED_MAX {
            self.dropped += 1;
            match self.order.pop_front() {
                Some(oldest) => drop(self.seen.remove(&oldest)),
                // All notes are being stored at this moment.
                None => return,
            }
        }
        self.seen.insert(id, now);
        self.order.push_back(id);
    }

    /// All notes, in the order of ids, so that no two replicas wait for each other's rows. They
    /// stay noted until they are stored.
    fn rows_to_store(&mut self) -> Vec<(SessionId, Timestamp)> {
        self.order.clear();
        let mut rows: Vec<_> = self.seen.iter().map(|(id, at)| (*id, *at)).collect();
        rows.sort_unstable();
        rows
    }

    /// Forgets the notes that were stored, except those of sessions that were seen again meanwhile.
    fn forget(&mut self, stored: &[(SessionId, Timestamp)]) {
        for (id, at) in stored {
            if self.seen.get(id) == Some(at) {
                self.seen.remove(id);
            } else {
                self.order.push_back(*id);
            }
        }
    }
}

impl Auth {
    /// How often [`Self::write_last_seen`] should run.
    pub fn last_seen_interval(&self) -> Duration {
        self.settings.last_seen_interval
    }

    /// How many notes were dropped before they were written, up to the last write.
    pub fn lost_last_seen(&self) -> u64 {
        self.last_seen.lost.get()
    }

    /// Writes the notes.
    ///
    /// # Errors
    /// The database is not available; the notes that were not written are kept.
    pub async fn write_last_seen(&self) -> Result<(), AuthError> {
        let (rows, dropped) = {
            let mut notes = self.last_seen.notes.lock();
            (notes.rows_to_store(), mem::take(&mut notes.dropped))
        };
        if dropped > 0 {
            self.last_seen.lost.inc_by(dropped);
            tracing::warn!(dropped, "more sessions were seen than are remembered");
        }
        let now = self.clock.now();
        for (place, chunk) in rows.chunks(ROWS).enumerate() {
            // Never in the future, even where the clock was set back since.
            let seen: Vec<_> = chunk.iter().map(|(id, at)| (*id, *at.min(&now))).collect();
            let stored = self.db.see_sessions(seen, Instant::now() + WRITE_LIMIT);
            if let Err(error) = stored.await {
                let left = rows[place * ROWS..].iter().map(|(id, _)| *id);
                self.last_seen.notes.lock().order.extend(left);
                return Err(error.into());
            }
            self.last_seen.notes.lock().forget(chunk);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn id(number: usize) -> SessionId {
        SessionId::new(Uuid::from_u128(number as u128))
    }

    #[test]
    fn the_last_time_counts_in_whatever_order() {
        let mut notes = Notes::default();
        for seconds in [1, 3, 2] {
            notes.note(id(1), at(seconds));
        }
        assert_eq!(notes.seen[&id(1)], at(3));
    }

    #[test]
    fn a_session_that_is_seen_during_a_write_is_written_again() {
        let mut notes = Notes::default();
        notes.note(id(1), at(1));
        notes.note(id(2), at(1));
        let rows = notes.rows_to_store();
        assert_eq!(rows, [(id(1), at(1)), (id(2), at(1))]);
        assert_eq!(notes.seen.len(), 2, "noted until it is stored");
        notes.note(id(1), at(2));
        notes.forget(&rows);
        assert_eq!(notes.rows_to_store(), [(id(1), at(2))]);
    }

    #[test]
    fn a_flood_of_sessions_takes_bounded_memory_and_drops_the_oldest() {
        let mut notes = Notes::default();
        for number in 0..NOTED_MAX + 10 {
            notes.note(id(number), at(0));
        }
        assert_eq!(notes.seen.len(), NOTED_MAX);
        assert_eq!(notes.order.len(), NOTED_MAX);
        assert_eq!(notes.dropped, 10);
        assert!(!notes.seen.contains_key(&id(9)));
        assert!(notes.seen.contains_key(&id(10)));
    }
}
