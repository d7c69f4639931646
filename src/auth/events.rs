//! How use cases write events. An event of a change is written by the statement that makes the
//! change; the outcome of a login, which changes nothing, enters a batch in memory.

use std::time::Duration;

use tokio::time::Instant;

use super::{Auth, AuthError, CallContext, OutcomeMetrics, entropy::random_bytes};
use crate::{
    db::DbError,
    domain::{
        CallerName, ClientInfo, Clock, Event, EventId, EventKind, EventOrigin, SessionId, UserId,
        uuid_v7,
    },
    telemetry::chain,
};

/// The most rows of outcomes in one write: few enough that no writer waits long behind it.
const ROWS: usize = 500;
/// How long one write of outcomes may take.
const WRITE_LIMIT: Duration = Duration::from_secs(10);

/// An event of now, with no client.
pub(super) fn new_event(
    clock: &Clock,
    kind: EventKind,
    user_id: Option<UserId>,
    session_id: Option<SessionId>,
    caller: Option<CallerName>,
) -> Result<Event, AuthError> {
    let at = clock.now();
    Ok(Event {
        id: EventId::new(uuid_v7(at, random_bytes()?)),
        kind,
        at,
        user_id,
        session_id,
        origin: EventOrigin {
            caller,
            client: ClientInfo::default(),
        },
    })
}

impl CallContext {
    /// An event of now that this call causes, with no client.
    pub(super) fn event(
        &self,
        clock: &Clock,
        kind: EventKind,
        user_id: Option<UserId>,
        session_id: Option<SessionId>,
    ) -> Result<Event, AuthError> {
        new_event(clock, kind, user_id, session_id, self.caller.clone())
    }
}

impl Auth {
    /// Notes the outcome of a login, which changed nothing. It is written after the answer.
    pub(super) fn note_outcome(
        &self,
        call: &CallContext,
        kind: EventKind,
        user_id: Option<UserId>,
        client: &ClientInfo,
    ) -> Result<(), AuthError> {
        let event = call.event(&self.clock, kind, user_id, None)?;
        self.outcomes.note(event.with_client(client.clone()));
        Ok(())
    }

    /// Writes the outcomes that were noted. Not to be run twice at the same time: the metrics would
    /// count twice what both write.
    ///
    /// # Errors
    /// What was not written is kept for the next time.
    pub async fn write_outcomes(&self, deadline: Instant) -> Result<(), AuthError> {
        for rows in self.outcomes.unwritten().chunks(ROWS) {
            let outcomes = rows.iter().map(|(_, event, count)| (event.clone(), *count));
            let deadline = deadline.min(Instant::now() + WRITE_LIMIT);
            match self.db.count_outcomes(outcomes.collect(), deadline).await {
                Ok(()) => self.outcomes.written(rows),
                // These rows would fail for ever, and hold up those behind them.
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

    /// Writes the remaining outcomes and known sources at the end of the process; those that cannot be
    /// written are lost.
    pub async fn finish_outcomes(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        if let Err(error) = self.write_outcomes(deadline).await {
            let lost = self.outcomes.lost(&self.outcomes.unwritten());
            tracing::error!(lost, "outcomes of logins are lost: {}", chain(&error));
        } else if let Err(error) = self.write_known_sources(deadline).await {
            tracing::debug!("known sources are lost: {}", chain(&error));
        }
    }

    /// Counts of outcomes since the start.
    pub fn outcome_metrics(&self) -> OutcomeMetrics {
        self.outcomes.metrics()
    }
}
