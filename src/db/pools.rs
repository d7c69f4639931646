//! Connections and their settings. Statement logging is off in all of them: statements carry
//! addresses and hashes as values.

use std::{path::Path, thread, time::Duration};

use sea_orm::{
    DatabaseConnection, DbErr, SqlxError, SqlxPostgresConnector, SqlxSqliteConnector,
    sqlx::{
        ConnectOptions, Connection,
        postgres::{PgConnectOptions, PgPoolOptions},
        sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
    },
};
use tokio::time::timeout;

use super::{
    DbSettings,
    target::{Target, postgres_options},
};

/// The longest wait of a SQLite writer for another process's transaction.
const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// The page cache of each SQLite reader in KiB: the pages of some 20,000 users and their sessions. With
/// SQLite's default of 2 MiB most checks read a page again.
const SQLITE_READER_CACHE_KIB: u32 = 16 * 1024;
/// A Postgres connection that was idle this long is tested before use, so that after a restart of the
/// database only calls under way fail. Busy connections are spared the round trip.
const TEST_AFTER_IDLE: Duration = Duration::from_secs(1);
/// A Postgres connection that is older is closed instead of used.
const MAX_LIFETIME: Duration = Duration::from_mins(30);
/// The time that a connection which was given back has to answer a ping.
const RELEASE_LIMIT: Duration = Duration::from_secs(1);
/// The longest wait for a connection that works on the schema.
pub(super) const SCHEMA_ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// The writer, the readers and the connection of the probe.
pub(super) fn open(
    settings: &DbSettings,
) -> Result<(DatabaseConnection, DatabaseConnection, DatabaseConnection), DbErr> {
    let acquire = settings.acquire_timeout;
    match &settings.target {
        Target::Sqlite(path) => {
            let readers = thread::available_parallelism()
                .map_or(2, |cores| u32::try_from(cores.get() * 2).unwrap_or(2));
            Ok((
                sqlite(writer(path), 1, acquire),
                sqlite(reader(path), readers, acquire),
                sqlite(reader(path), 1, acquire),
            ))
        }
        Target::Postgres { url, password } => {
            let options = postgres_options(url, password.as_ref())?.options([(
                "statement_timeout",
                settings.statement_timeout.as_millis().to_string(),
            )]);
            let calls = postgres(options.clone(), settings.max_connections, acquire);
            Ok((calls.clone(), calls, postgres(options, 1, acquire)))
        }
    }
}

/// A connection for changing the schema: alone, and without statement time-out.
pub(super) fn open_for_schema(target: &Target) -> Result<DatabaseConnection, DbErr> {
    match target {
        Target::Sqlite(path) => Ok(sqlite(writer(path), 1, SCHEMA_ACQUIRE_TIMEOUT)),
        Target::Postgres { url, password } => {
            // Explicit, because a role or database may have defaults of its own.
            let options = postgres_options(url, password.as_ref())?
                .options([("statement_timeout", "0"), ("lock_timeout", "0")]);
            Ok(postgres(options, 1, SCHEMA_ACQUIRE_TIMEOUT))
        }
    }
}

/// A connection that reads a SQLite file for as long as its copy takes. `query_only` would refuse the
/// copy.
pub(super) fn open_for_backup(path: &Path) -> DatabaseConnection {
    sqlite(sqlite_options(path), 1, SCHEMA_ACQUIRE_TIMEOUT)
}

/// A connection that reads a SQLite file of another service.
pub(super) fn open_to_read(path: &Path) -> DatabaseConnection {
    sqlite(
        sqlite_options(path).read_only(true),
        1,
        SCHEMA_ACQUIRE_TIMEOUT,
    )
}

fn sqlite(
    options: SqliteConnectOptions,
    connections: u32,
    acquire_timeout: Duration,
) -> DatabaseConnection {
    let pool = SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(acquire_timeout)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_lazy_with(options);
    SqlxSqliteConnector::from_sqlx_sqlite_pool(pool)
}

fn sqlite_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        // `file` creates it with its mode; the driver would use the process's umask.
        .create_if_missing(false)
        .foreign_keys(true)
        .busy_timeout(SQLITE_BUSY_TIMEOUT)
        .pragma("trusted_schema", "OFF")
        .disable_statement_logging()
}

/// FULL: an acknowledged revocation survives a loss of power.
fn writer(path: &Path) -> SqliteConnectOptions {
    sqlite_options(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
}

fn reader(path: &Path) -> SqliteConnectOptions {
    sqlite_options(path)
        .pragma("query_only", "ON")
        .pragma("cache_size", format!("-{SQLITE_READER_CACHE_KIB}"))
}

fn postgres(
    options: PgConnectOptions,
    connections: u32,
    acquire_timeout: Duration,
) -> DatabaseConnection {
    let pool = PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(acquire_timeout)
        // Either of the two starts the driver's maintenance task, which reads a count of idle connections
        // that wraps below zero for a moment while connections change hands, and then loops 2^64 times.
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .after_release(|connection, _| {
            Box::pin(async move {
                // A dead peer would keep the connection's place in the pool until TCP gives up, a
                // quarter of an hour later.
                timeout(RELEASE_LIMIT, connection.ping())
                    .await
                    .unwrap_or(Err(SqlxError::PoolTimedOut))?;
                Ok(true)
            })
        })
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.age >= MAX_LIFETIME {
                    return Ok(false);
                }
                if meta.idle_for >= TEST_AFTER_IDLE {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_lazy_with(options);
    SqlxPostgresConnector::from_sqlx_postgres_pool(pool)
}
