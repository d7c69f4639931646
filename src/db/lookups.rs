//! Session lookups, gathered: those that arrive while statements are under way are answered together
//! by the next one.
//!
//! What a lookup costs is mostly the way to the database and back: the wake-ups of SQLite's thread,
//! or a round trip to Postgres. Shared by all that wait, it is paid once. A lookup that meets no
//! other starts at once, and every statement begins after the lookups that it answers were asked
//! for, so nobody is told anything older than by a statement of their own.

use std::time::Duration;

use parking_lot::Mutex;
use sea_orm::DbErr;
use tokio::{
    sync::oneshot,
    task::yield_now,
    time::{Instant, timeout, timeout_at},
};

use super::{Db, DbError, session_rows};
use crate::domain::{Session, SessionId, User};

/// The most statements under way at once: while one is decoded and answered, the other is with the
/// database. More would only split the gathering.
const STATEMENTS_MAX: usize = 2;

/// A statement that takes longer than this no longer counts: its connection may have vanished without
/// a word, and the other connections of the pool must not idle behind it. The pool's size bounds them.
const SLOW: Duration = Duration::from_millis(250);

/// The most lookups that one statement answers: more would make the first of them wait for the last.
const GATHERED_MAX: usize = 64;

/// The lookups that wait, and how many statements are under way.
#[derive(Default)]
pub(super) struct Lookups(Mutex<State>);

#[derive(Default)]
struct State {
    waiting: Vec<Lookup>,
    statements: usize,
}

struct Lookup {
    id: SessionId,
    deadline: Instant,
    answer: oneshot::Sender<Result<Option<(Session, User)>, DbErr>>,
}

impl Lookups {
    /// Adds a lookup; whether a statement has to be started for it.
    fn join(&self, lookup: Lookup) -> bool {
        let mut state = self.0.lock();
        state.waiting.push(lookup);
        let starts = state.statements < STATEMENTS_MAX;
        state.statements += usize::from(starts);
        starts
    }

    /// Those that are to be answered together next. `None`: nobody waits, and the statement is over.
    fn next(&self) -> Option<Vec<Lookup>> {
        let mut state = self.0.lock();
        // In one step, or a lookup that comes between would wait for a statement that has ended.
        if state.waiting.is_empty() {
            state.statements -= 1;
            return None;
        }
        let count = state.waiting.len().min(GATHERED_MAX);
        Some(state.waiting.drain(..count).collect())
    }
}

impl Db {
    /// Finds a session and its user. Lookups that wait at the same time share a statement.
    ///
    /// # Errors
    /// The database failed.
    pub async fn find_session(
        &self,
        id: SessionId,
        deadline: Instant,
    ) -> Result<Option<(Session, User)>, DbError> {
        let (answer, found) = oneshot::channel();
        let lookup = Lookup {
            id,
            deadline,
            answer,
        };
        let found = async {
            if self.inner.lookups.join(lookup) {
                // A task of its own: a caller that goes away takes nobody's answer along.
                tokio::spawn(self.clone().answer_lookups());
            }
            let lost = |_| Err(DbErr::Custom("a session lookup was lost".to_owned()));
            found.await.unwrap_or_else(lost)
        };
        match self.within(deadline, found).await {
            // Those who answer saw the deadline pass a moment before this timer did.
            Err(_) if deadline <= Instant::now() => Err(DbError::DeadlineExceeded),
            outcome => outcome,
        }
    }

    async fn answer_lookups(self) {
        loop {
            // The calls that came with this one are looked at first: they join it.
            yield_now().await;
            let Some(lookups) = self.inner.lookups.next() else {
                return;
            };
            // A task of its own: a panic loses these lookups, and a slow statement keeps nobody else
            // waiting.
            let answered = tokio::spawn(self.clone().answer(lookups));
            let _ = timeout(SLOW, answered).await;
        }
    }

    /// Answers lookups by one statement, which counts as one caller of the pool.
    async fn answer(self, lookups: Vec<Lookup>) {
        let ids: Vec<_> = lookups.iter().map(|lookup| lookup.id).collect();
        // Past the last deadline nobody waits.
        let last = lookups.iter().map(|lookup| lookup.deadline).max();
        let caller = self.inner.counters.reading.enter();
        let find = session_rows::find(&self.inner.reader, &ids);
        let Ok(outcome) = timeout_at(last.unwrap_or_else(Instant::now), find).await else {
            return;
        };
        drop(caller);
        for lookup in lookups {
            let found = match &outcome {
                Ok(rows) => Ok(rows.get(&lookup.id).cloned()),
                Err(error) => Err(error.clone()),
            };
            // Whoever is gone needs no answer.
            drop(lookup.answer.send(found));
        }
    }
}
