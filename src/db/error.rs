//! What a driver's error means. The text of the error goes to the log alone, and its kind never depends
//! on the text.

use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr, SqlxError};
use thiserror::Error;

/// Why the database did not do what was asked.
#[derive(Debug, Error)]
pub enum DbError {
    /// No connection came free in time, or writers kept colliding, while the database is well.
    /// Nothing was done.
    #[error("the database has more work than it can finish in time")]
    Busy,
    /// The deadline passed first. A write that had started is finished all the same.
    #[error("the deadline passed")]
    DeadlineExceeded,
    /// The server has no database of this name.
    #[error("the database is missing")]
    Missing(#[source] DbErr),
    /// The database cannot be reached or refuses to work.
    #[error("the database is away")]
    Unavailable(#[source] DbErr),
    /// A statement failed that should not have.
    #[error("a statement failed that should not have")]
    Bug(#[source] DbErr),
}

/// What a driver's error means for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// No connection came free in time.
    NoConnection,
    /// Another process wrote to the SQLite file for longer than the busy time-out.
    SqliteBusy,
    /// The transaction lost a race against another; the same work may succeed when repeated.
    Collision,
    /// A row that another transaction added or deleted meanwhile forbids it. The repeated work sees
    /// that change.
    Conflict,
    /// The database cannot be reached or refuses to work.
    Away,
    /// Anything else.
    Bug,
}

impl DbError {
    pub(super) fn classify(error: DbErr, healthy: bool) -> Self {
        match Kind::of(&error) {
            Kind::NoConnection | Kind::Collision if healthy => Self::Busy,
            Kind::NoConnection | Kind::Collision | Kind::SqliteBusy | Kind::Away => {
                Self::Unavailable(error)
            }
            // A missing table is no bug before the schema is known to be there.
            Kind::Conflict | Kind::Bug if healthy => Self::Bug(error),
            Kind::Conflict | Kind::Bug => Self::Unavailable(error),
        }
    }
}

impl Kind {
    pub(super) fn of(error: &DbErr) -> Self {
        match error {
            DbErr::ConnectionAcquire(ConnAcquireErr::Timeout) => Self::NoConnection,
            DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)
            | DbErr::Conn(RuntimeErr::Internal(_)) => Self::Away,
            DbErr::Conn(RuntimeErr::SqlxError(source))
            | DbErr::Exec(RuntimeErr::SqlxError(source))
            | DbErr::Query(RuntimeErr::SqlxError(source)) => Self::of_driver(source),
            _ => Self::Bug,
        }
    }

    /// Whether the same transaction may succeed when it is repeated at once.
    pub(super) fn may_pass(self) -> bool {
        matches!(self, Self::Collision | Self::Conflict)
    }

    fn of_driver(error: &SqlxError) -> Self {
        match error {
            SqlxError::PoolTimedOut => Self::NoConnection,
            SqlxError::Io(_)
            | SqlxError::Tls(_)
            | SqlxError::Protocol(_)
            | SqlxError::PoolClosed
            | SqlxError::WorkerCrashed
            | SqlxError::BeginFailed => Self::Away,
            SqlxError::Database(database) => {
                let code = database.code().unwrap_or_default();
                // A SQLSTATE has five characters; SQLite's result codes are numbers.
                match code.parse::<i32>() {
                    Ok(number) if code.len() < 5 => Self::of_sqlite(number),
                    _ => Self::of_sqlstate(&code),
                }
            }
            _ => Self::Bug,
        }
    }

    /// <https://www.sqlite.org/rescode.html>; the low byte is the primary code.
    fn of_sqlite(code: i32) -> Self {
        match code & 0xFF {
            // BUSY, LOCKED, PROTOCOL (the same for the lock of the WAL)
            5 | 6 | 15 => Self::SqliteBusy,
            // PERM, NOMEM, READONLY, INTERRUPT, IOERR, CORRUPT, FULL, CANTOPEN, NOTADB
            3 | 7 | 8 | 9 | 10 | 11 | 13 | 14 | 26 => Self::Away,
            _ => Self::Bug,
        }
    }

    /// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
    fn of_sqlstate(code: &str) -> Self {
        match code {
            // serialization_failure, deadlock_detected
            "40001" | "40P01" => Self::Collision,
            // foreign_key_violation, unique_violation; SQLite, with one writer, knows no such race
            "23503" | "23505" => Self::Conflict,
            // read_only_sql_transaction: a demoted primary; idle_in_transaction_session_timeout;
            // statement_completion_unknown; lock_not_available
            "25006" | "25P03" | "40003" | "55P03" => Self::Away,
            // connection exception, invalid authorization, insufficient resources, operator
            // intervention (the statement time-out too), system error
            _ if ["08", "28", "53", "57", "58"]
                .iter()
                .any(|class| code.starts_with(class)) =>
            {
                Self::Away
            }
            _ => Self::Bug,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlstates_and_result_codes_have_a_meaning() {
        assert_eq!(Kind::of_sqlstate("40P01"), Kind::Collision);
        assert_eq!(Kind::of_sqlstate("57P01"), Kind::Away);
        assert_eq!(Kind::of_sqlstate("25006"), Kind::Away);
        assert_eq!(Kind::of_sqlstate("23505"), Kind::Conflict);
        assert_eq!(Kind::of_sqlstate("23502"), Kind::Bug);
        assert_eq!(Kind::of_sqlite(517), Kind::SqliteBusy, "BUSY_SNAPSHOT");
        assert_eq!(Kind::of_sqlite(1), Kind::Bug);
    }

    #[test]
    fn a_full_pool_is_told_from_a_lost_database() {
        let timeout = || DbErr::ConnectionAcquire(ConnAcquireErr::Timeout);
        assert!(matches!(DbError::classify(timeout(), true), DbError::Busy));
        assert!(matches!(
            DbError::classify(timeout(), false),
            DbError::Unavailable(_)
        ));
    }
}
