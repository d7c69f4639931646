//! The probe: asks the database for a sign of life and, where it is a server, for its time. Replicas
//! judge by that time, or a session that has expired on one replica would live on the next (ADR 9).

use std::{sync::atomic::Ordering, time::Duration};

use chrono::TimeDelta;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement};
use tokio::time::{Instant, timeout};

use super::{Db, DbError, entity::from_micros};
use crate::domain::{Clock, Timestamp};

/// The time that a probe may take.
const LIMIT: Duration = Duration::from_secs(1);
/// A difference beyond the time of the answer that is not corrected, because a clock that runs evenly is
/// worth more.
const NEGLIGIBLE: TimeDelta = TimeDelta::milliseconds(10);
/// A difference that a synchronised machine never has.
const STRIKING: TimeDelta = TimeDelta::seconds(1);

impl Db {
    /// Asks the database for a sign of life, on a connection outside the pools and for one second at
    /// most. The outcome is remembered: it distinguishes a full pool from a lost database. The clock is
    /// corrected by that of a database server.
    pub async fn probe(&self, clock: &Clock) -> Result<(), DbError> {
        let (asked, start) = (clock.now(), Instant::now());
        let outcome = match timeout(LIMIT, sign_of_life(&self.inner.prober)).await {
            Ok(Ok(theirs)) => Ok(theirs),
            Ok(Err(error)) => Err(DbError::Unavailable(error)),
            Err(_) => Err(DbError::DeadlineExceeded),
        };
        self.inner.healthy.store(outcome.is_ok(), Ordering::Relaxed);
        if let Some(theirs) = outcome? {
            self.follow(clock, theirs, asked, start.elapsed());
        }
        Ok(())
    }

    /// Follows the database's clock, which showed `theirs` between `asked` and `later` after it.
    fn follow(&self, clock: &Clock, theirs: Timestamp, asked: Timestamp, later: Duration) {
        let Some(correction) = clock.correction() else {
            return;
        };
        let half = later / 2;
        let error = theirs - (asked + half);
        let difference = correction + error;
        let is_explained =
            error.abs() <= TimeDelta::from_std(half).unwrap_or_default() + NEGLIGIBLE;
        if !is_explained {
            clock.set_correction(difference);
        }
        let metrics = &self.inner.counters.clock;
        metrics.difference_micros.store(
            difference.num_microseconds().unwrap_or(i64::MAX),
            Ordering::Relaxed,
        );
        let strikes = difference.abs() > STRIKING;
        if strikes {
            metrics.striking.inc();
        }
        // Logged once, however long it lasts.
        if metrics.strikes.swap(strikes, Ordering::Relaxed) != strikes {
            let seconds = difference.as_seconds_f64();
            if strikes {
                tracing::warn!(
                    seconds,
                    "the database's clock and this machine's differ by more than a second: the database's time is used"
                );
            } else {
                tracing::info!(
                    seconds,
                    "the database's clock and this machine's agree again"
                );
            }
        }
    }
}

/// Reads a row that every migrated database has, and the time of a database server.
async fn sign_of_life(connection: &DatabaseConnection) -> Result<Option<Timestamp>, DbErr> {
    let backend = connection.get_database_backend();
    let time = if backend == DbBackend::Postgres {
        "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
    } else {
        // SQLite runs in this process and uses its clock.
        "NULL"
    };
    let sql = format!("SELECT {time} AS time FROM seaql_migrations LIMIT 1");
    let row = connection
        .query_one_raw(Statement::from_string(backend, sql))
        .await?;
    let micros: Option<i64> = row.map_or(Ok(None), |row| row.try_get_by_index(0))?;
    Ok(micros.map(from_micros))
}
