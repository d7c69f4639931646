//! When sessions were last seen, kept in memory and written in batches: a session check pays a short
//! lock at most, and no write. A crash loses what one interval noted; the drain writes it.

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

/// The most sessions that wait to be written: about 5 MiB. Beyond it the oldest note is dropped.
const NOTED_MAX: usize = 65_536;
/// How many rows one statement writes: few enough that no login waits long behind it.
const ROWS: usize = 200;
/// How long one statement may take.
const WRITE_LIMIT: Duration = Duration::from_secs(10);

/// The notes of one process.
pub(super) struct LastSeen {
    /// What is stored and younger than this is not noted.
    interval: TimeDelta,
    notes: Mutex<Notes>,
    lost: Counter,
}

#[derive(Default)]
struct Notes {
    /// What is not stored yet, what is being stored included.
    seen: HashMap<SessionId, Timestamp>,
    /// What is to be stored next, in the order in which it was first noted.
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

    /// Notes that a session was seen, unless what is stored is fresh.
    pub(super) fn note(&self, session: &Session, now: Timestamp) {
        if now - session.last_seen_at >= self.interval {
            self.notes.lock().note(session.id, now);
        }
    }

    /// When a session was last seen, where that is noted and not stored yet: what a caller was told a
    /// moment ago must not be denied now.
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
                // All of it is being stored at this moment.
                None => return,
            }
        }
        self.seen.insert(id, now);
        self.order.push_back(id);
    }

    /// Everything that is to be stored, in one order, so that no two replicas wait for each other. It
    /// stays noted: who is told that a session lives is not told otherwise while that is stored.
    fn take(&mut self) -> Vec<(SessionId, Timestamp)> {
        self.order.clear();
        let mut rows: Vec<_> = self.seen.iter().map(|(id, at)| (*id, *at)).collect();
        rows.sort_unstable();
        rows
    }

    /// Forgets what was stored, unless it was seen again meanwhile.
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

    /// How many sessions were seen and forgotten before that was written, as far as it was told of.
    pub fn lost_last_seen(&self) -> u64 {
        self.last_seen.lost.get()
    }

    /// Writes down when sessions were last seen.
    ///
    /// # Errors
    /// The database is away; what was not written is noted still.
    pub async fn write_last_seen(&self) -> Result<(), AuthError> {
        let (rows, dropped) = {
            let mut notes = self.last_seen.notes.lock();
            (notes.take(), mem::take(&mut notes.dropped))
        };
        if dropped > 0 {
            self.last_seen.lost.add(dropped);
            tracing::warn!(dropped, "more sessions were seen than are remembered");
        }
        let now = self.clock.now();
        for (place, chunk) in rows.chunks(ROWS).enumerate() {
            // Never ahead of now, whatever the clock did since.
            let seen: Vec<_> = chunk.iter().map(|(id, at)| (*id, *at.min(&now))).collect();
            let stored = self.db.see_sessions(&seen, Instant::now() + WRITE_LIMIT);
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
    fn what_was_seen_only_grows() {
        let mut notes = Notes::default();
        for seconds in [1, 3, 2] {
            notes.note(id(1), at(seconds));
        }
        assert_eq!(notes.seen[&id(1)], at(3));
    }

    #[test]
    fn what_is_seen_while_it_is_stored_is_stored_again() {
        let mut notes = Notes::default();
        notes.note(id(1), at(1));
        notes.note(id(2), at(1));
        let rows = notes.take();
        assert_eq!(rows, [(id(1), at(1)), (id(2), at(1))]);
        assert_eq!(notes.seen.len(), 2, "noted until it is stored");
        notes.note(id(1), at(2));
        notes.forget(&rows);
        assert_eq!(notes.take(), [(id(1), at(2))]);
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
