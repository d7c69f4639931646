//! When sessions were last seen, kept in memory and written in batches: a session check pays a short
//! lock at most, and no write. A crash loses what one interval noted; the drain writes it.

use std::{
    collections::{HashMap, VecDeque},
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::TimeDelta;
use tokio::time::Instant as Deadline;

use super::{Auth, AuthError};
use crate::domain::{Instant, ROTATION_GRACE, Session, SessionId};

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
}

#[derive(Default)]
struct Notes {
    seen: HashMap<SessionId, Instant>,
    /// The order in which sessions were first noted.
    order: VecDeque<SessionId>,
    dropped: usize,
}

impl LastSeen {
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            interval: TimeDelta::from_std(interval).unwrap_or(TimeDelta::MAX),
            notes: Mutex::default(),
        }
    }

    /// Notes that a session was seen, unless what is stored is fresh.
    pub(super) fn note(&self, session: &Session, now: Instant) {
        if now - session.last_seen_at >= self.interval {
            self.lock().note(session.id, now);
        }
    }

    /// When a session was last seen, where that is noted and not stored yet: what a caller was told a
    /// moment ago must not be denied now.
    pub(super) fn noted(&self, id: SessionId) -> Option<Instant> {
        self.lock().seen.get(&id).copied()
    }

    /// A poisoned lock is taken all the same: no code that runs under it panics half-way.
    fn lock(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Notes {
    fn note(&mut self, id: SessionId, now: Instant) {
        if let Some(seen) = self.seen.get_mut(&id) {
            *seen = now.max(*seen);
            return;
        }
        if self.seen.len() >= NOTED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
            self.dropped += 1;
        }
        self.seen.insert(id, now);
        self.order.push_back(id);
    }
}

impl Auth {
    /// How often [`Self::write_last_seen`] should run.
    pub fn last_seen_interval(&self) -> Duration {
        self.settings.last_seen_interval
    }

    /// Writes down when sessions were last seen, and forgets what replaced secrets were made with.
    ///
    /// # Errors
    /// The database is away; what was not written is noted still.
    pub async fn write_last_seen(&self) -> Result<(), AuthError> {
        let notes = mem::take(&mut *self.last_seen.lock());
        if notes.dropped > 0 {
            tracing::warn!(
                dropped = notes.dropped,
                "more sessions were seen than are remembered"
            );
        }
        let now = self.clock.now();
        // Never ahead of now, whatever the clock did since; in one order, so that no two replicas
        // wait for each other.
        let mut seen: Vec<_> = notes
            .seen
            .into_iter()
            .map(|(id, at)| (id, at.min(now)))
            .collect();
        seen.sort_unstable();
        for (place, rows) in seen.chunks(ROWS).enumerate() {
            let written = self.db.see_sessions(rows, Deadline::now() + WRITE_LIMIT);
            if let Err(error) = written.await {
                let mut notes = self.last_seen.lock();
                for (id, at) in &seen[place * ROWS..] {
                    notes.note(*id, *at);
                }
                return Err(error.into());
            }
        }
        let deadline = Deadline::now() + WRITE_LIMIT;
        Ok(self
            .db
            .forget_nonces(now - ROTATION_GRACE, deadline)
            .await?)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn at(seconds: i64) -> Instant {
        Instant::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
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
