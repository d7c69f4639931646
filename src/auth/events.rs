//! What the use cases say of themselves in `events`, and who reads it.

use std::time::Duration;

use tokio::time::Instant;

use super::{Auth, AuthError, CallContext, OutcomeMetrics, entropy::random, outcomes::Outcome};
use crate::{
    db::DbError,
    domain::{
        ClientInfo, Clock, Event, EventFilter, EventId, EventKind, KeptEvent, Origin, SessionId,
        UserId, uuid_v7,
    },
    telemetry::chain,
};

/// How many rows of outcomes are written at once: few enough that no writer waits long behind them.
const ROWS: usize = 500;
/// How long one write of them may take.
const WRITE_LIMIT: Duration = Duration::from_secs(10);

impl Auth {
    /// An event of now, about a user and possibly one of their sessions.
    pub(super) fn event(
        &self,
        kind: EventKind,
        user_id: UserId,
        session_id: Option<SessionId>,
        origin: Origin,
    ) -> Result<Event, AuthError> {
        let event = event(&self.clock, kind, Some(user_id), origin)?;
        Ok(Event {
            session_id,
            ..event
        })
    }

    /// Notes an outcome that changed nothing. Nothing is written before its answer.
    pub(super) fn note(
        &self,
        call: &CallContext,
        kind: EventKind,
        user_id: Option<UserId>,
        client: &ClientInfo,
    ) -> Result<(), AuthError> {
        let outcome = Outcome {
            kind,
            at: self.clock.now(),
            user_id,
            origin: call.origin(client.clone()),
        };
        self.outcomes.note(outcome, random()?);
        Ok(())
    }

    /// Writes the outcomes that were noted. One at a time, or what is written twice is counted twice
    /// in the metrics.
    ///
    /// # Errors
    /// The database is away; what was not written is kept.
    pub async fn write_outcomes(&self, deadline: Instant) -> Result<(), AuthError> {
        for rows in self.outcomes.unwritten().chunks(ROWS) {
            let outcomes = rows.iter().map(|(_, event, count)| (event.clone(), *count));
            let deadline = deadline.min(Instant::now() + WRITE_LIMIT);
            match self.db.count_outcomes(outcomes.collect(), deadline).await {
                Ok(()) => self.outcomes.written(rows),
                // It would fail for ever, and hold up what comes after it.
                Err(error @ DbError::Bug(_)) => {
                    let lost = self.outcomes.lost(rows);
                    tracing::error!(lost, "cannot write outcomes of logins: {}", chain(&error));
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.outcomes.tidy(self.clock.now());
        Ok(())
    }

    /// Writes what outcomes are left, now that no more come; what cannot be written is gone.
    pub async fn finish_outcomes(&self, limit: Duration) {
        if let Err(error) = self.write_outcomes(Instant::now() + limit).await {
            let lost = self.outcomes.lost(&self.outcomes.unwritten());
            tracing::error!(lost, "outcomes of logins are lost: {}", chain(&error));
        }
    }

    /// What became of outcomes so far.
    pub fn outcome_figures(&self) -> OutcomeMetrics {
        self.outcomes.metrics()
    }

    /// Some events in the order of their ids, from the one after `after` on.
    ///
    /// # Errors
    /// The database is away or the deadline passed.
    pub async fn list_events(
        &self,
        call: &CallContext,
        filter: &EventFilter,
        after: Option<EventId>,
        limit: u64,
    ) -> Result<Vec<KeptEvent>, AuthError> {
        let listed = self.db.list_events(filter, after, limit, call.deadline);
        Ok(listed.await?)
    }
}

/// An event of now, about a user, or about nobody alone.
pub(super) fn event(
    clock: &Clock,
    kind: EventKind,
    user_id: Option<UserId>,
    origin: Origin,
) -> Result<Event, AuthError> {
    let at = clock.now();
    Ok(Event {
        id: EventId::new(uuid_v7(at, random()?)),
        kind,
        at,
        user_id,
        session_id: None,
        origin,
    })
}
