//! The purge: what is past its retention is deleted, so slowly that no call notices.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Auth, AuthError, register::RETRY_WINDOW};
use crate::db::DbError;

/// The most rows that one transaction deletes: so few that no other writer waits long behind it.
const BATCH: u64 = 100;
/// How long one transaction may take.
const BATCH_LIMIT: Duration = Duration::from_secs(30);
/// The purge rests nine times as long as a batch took, waiting for a connection included. Calls
/// have nine tenths of the database, and more when it is busy.
const REST: u32 = 9;

impl Auth {
    /// Deletes sessions, one-time tokens, mail and events past their retention, and clears the
    /// registration ids and event clients past theirs. Returns the number of deleted sessions.
    /// Where another replica is purging sessions, they are left to it.
    ///
    /// # Errors
    /// The first of the failures. Each part is tried: none waits another hour for the failure of
    /// another part.
    pub async fn purge(&self) -> Result<u64, AuthError> {
        let (db, settings, now) = (&self.db, &self.settings, self.clock.now());
        let sessions = in_batches(|deadline| {
            let purge = db.purge_sessions(now - settings.keep_ended, BATCH, deadline);
            async { Ok(purge.await?.unwrap_or_default()) }
        })
        .await;
        let registered_before = now - RETRY_WINDOW;
        let others = [
            in_batches(|deadline| db.clear_registration_ids(registered_before, BATCH, deadline))
                .await,
            in_batches(|deadline| db.purge_one_time_tokens(now, BATCH, deadline)).await,
            in_batches(|deadline| {
                db.purge_throttles(now, self.throttle.failures_max(), BATCH, deadline)
            })
            .await,
            in_batches(|deadline| db.purge_mail(now, BATCH, deadline)).await,
            in_batches(|deadline| db.purge_events(now - settings.keep_events, BATCH, deadline))
                .await,
            in_batches(|deadline| {
                db.clear_event_clients(now - settings.keep_addresses, BATCH, deadline)
            })
            .await,
        ];
        let sessions = sessions?;
        others.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(sessions)
    }
}

/// Repeats `purge` while it finds whole batches, and rests after each. Returns the number of rows.
async fn in_batches<F>(purge: impl Fn(Instant) -> F) -> Result<u64, AuthError>
where
    F: Future<Output = Result<u64, DbError>>,
{
    let mut rows = 0;
    loop {
        let start = Instant::now();
        let batch = purge(start + BATCH_LIMIT).await?;
        rows += batch;
        if batch < BATCH {
            return Ok(rows);
        }
        sleep(start.elapsed() * REST).await;
    }
}
