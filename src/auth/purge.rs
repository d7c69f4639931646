//! What is past its keeping is deleted, so slowly that no call notices.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Auth, AuthError, register::RETRY_WINDOW};
use crate::{db::DbError, domain::Timestamp};

/// How many rows one transaction takes: so few that no other writer waits long behind it.
const BATCH: u64 = 100;
/// How long one transaction may take.
const BATCH_LIMIT: Duration = Duration::from_secs(30);
/// It rests nine times as long as a batch took, waiting for a connection included: calls have nine
/// tenths of the database, and more the busier that is.
const REST: u32 = 9;

impl Auth {
    /// Deletes sessions that ended longer ago than they are kept, tokens that expired and mail that
    /// became too old, forgets old registration ids, and purges events.
    /// Returns how many sessions were deleted. When another replica is at it, the rest is left to
    /// that.
    ///
    /// # Errors
    /// The database is away, of several failures the first; what was purged stays purged.
    pub async fn purge(&self) -> Result<u64, AuthError> {
        let now = self.clock.now();
        let ended_before = now - self.settings.keep_ended;
        let purged = in_batches(|deadline| self.db.purge_sessions(ended_before, BATCH, deadline));
        // One that fails is no reason for the others to wait for the next hour.
        let purged = purged.await;
        let others = [
            self.forget_registrations(now).await,
            self.purge_tokens_and_mail(now).await,
            self.purge_events(now).await,
        ];
        let purged = purged?;
        others.into_iter().collect::<Result<(), _>>()?;
        Ok(purged)
    }

    async fn forget_registrations(&self, now: Timestamp) -> Result<(), AuthError> {
        let before = now - RETRY_WINDOW;
        let forgotten = in_batches(|deadline| {
            let clear = self.db.clear_registration_ids(before, BATCH, deadline);
            async { clear.await.map(Some) }
        });
        forgotten.await.map(drop)
    }

    async fn purge_tokens_and_mail(&self, now: Timestamp) -> Result<(), AuthError> {
        let tokens = in_batches(|deadline| {
            let purge = self.db.purge_one_time_tokens(now, BATCH, deadline);
            async { purge.await.map(Some) }
        });
        let mail = in_batches(|deadline| {
            let forget = self.db.purge_mail(now, BATCH, deadline);
            async { forget.await.map(Some) }
        });
        let (tokens, mail) = (tokens.await, mail.await);
        tokens.and(mail).map(drop)
    }

    /// Deletes events that are older than they are kept, and clears the clients in those that are
    /// older than these are.
    async fn purge_events(&self, now: Timestamp) -> Result<(), AuthError> {
        let before = now - self.settings.keep_events;
        let events = in_batches(|deadline| {
            let purge = self.db.purge_events(before, BATCH, deadline);
            async { purge.await.map(Some) }
        });
        let before = now - self.settings.keep_addresses;
        let clients = in_batches(|deadline| {
            let clear = self.db.clear_event_clients(before, BATCH, deadline);
            async { clear.await.map(Some) }
        });
        let (events, clients) = (events.await, clients.await);
        events.and(clients).map(drop)
    }
}

/// Repeats `purge` while it finds whole batches, with a rest after each. Returns how many rows.
async fn in_batches<F>(purge: impl Fn(Instant) -> F) -> Result<u64, AuthError>
where
    F: Future<Output = Result<Option<u64>, DbError>>,
{
    let mut rows = 0;
    loop {
        let start = Instant::now();
        let batch = purge(start + BATCH_LIMIT).await?.unwrap_or_default();
        rows += batch;
        if batch < BATCH {
            return Ok(rows);
        }
        sleep(start.elapsed() * REST).await;
    }
}
