//! Gathered session lookups: lookups that arrive while statements are under way are answered together
//! by the next statement (ADR 16).
//!
//! Most of a lookup's cost is the way to the database: the wake-ups of SQLite's thread, or a round trip
//! to Postgres. The lookups of one statement share it. A lookup that meets no other starts at once. A
//! statement begins after its lookups were requested, so a gathered answer is never staler than the
//! caller's own statement would have been.

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

/// The largest number of statements under way: while one is decoded and answered, the database works on
/// the other. More would gather fewer lookups in each.
const STATEMENTS_MAX: usize = 2;

/// A statement that takes longer no longer counts as under way: its connection may be dead, and the
/// other connections of the pool must not idle behind it. The pool's size bounds such statements.
const SLOW: Duration = Duration::from_millis(250);

/// The largest number of lookups in one statement: with more, the first would wait for the last.
const GATHERED_MAX: usize = 64;

/// The waiting lookups, and the number of statements under way.
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
    /// Adds a lookup. Returns whether a statement has to be started for it.
    fn join(&self, lookup: Lookup) -> bool {
        let mut state = self.0.lock();
        state.waiting.push(lookup);
        let starts = state.statements < STATEMENTS_MAX;
        state.statements += usize::from(starts);
        starts
    }

    /// Takes the lookups of the next statement. `None`: none waits, and no statement is started.
    fn next(&self) -> Option<Vec<Lookup>> {
        let mut state = self.0.lock();
        // Under one lock, or a lookup that arrives in between would wait for a statement that has ended.
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
                // On a task of its own: a caller that disconnects must not cancel the others' answers.
                tokio::spawn(self.clone().answer_lookups());
            }
            let lost = |_| Err(DbErr::Custom("a session lookup was lost".to_owned()));
            found.await.unwrap_or_else(lost)
        };
        match self.within(deadline, found).await {
            // The answering task saw the deadline pass a moment before this timer did.
            Err(_) if deadline <= Instant::now() => Err(DbError::DeadlineExceeded),
            outcome => outcome,
        }
    }

    async fn answer_lookups(self) {
        loop {
            // The calls that arrived together with this one join it.
            yield_now().await;
            let Some(lookups) = self.inner.lookups.next() else {
                return;
            };
            // On a task of its own: a panic loses these lookups only, and a slow statement does not
            // delay others.
            let answered = tokio::spawn(self.clone().answer(lookups));
            let _ = timeout(SLOW, answered).await;
        }
    }

    /// Answers lookups by one statement, which counts as one user of the pool.
    async fn answer(self, lookups: Vec<Lookup>) {
        let ids: Vec<_> = lookups.iter().map(|lookup| lookup.id).collect();
        // Past the last deadline no lookup waits.
        let last = lookups.iter().map(|lookup| lookup.deadline).max();
        let waiter = self.inner.counters.reading.enter();
        let find = session_rows::find(&self.inner.reader, &ids);
        let Ok(outcome) = timeout_at(last.unwrap_or_else(Instant::now), find).await else {
            return;
        };
        drop(waiter);
        for lookup in lookups {
            let found = match &outcome {
                Ok(rows) => Ok(rows.get(&lookup.id).cloned()),
                Err(error) => Err(error.clone()),
            };
            // A caller that is gone needs no answer.
            drop(lookup.answer.send(found));
        }
    }
}
