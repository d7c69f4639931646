//! The schema: whether it is this binary's, and its migrations.
//!
//! Migrations run in one transaction, under a lock, on a connection of their own, so that any number of
//! processes may start at once: one applies them, and the others find them applied.

use std::{fmt::Display, future::Future, time::Duration};

use futures_util::future::BoxFuture;
use migrations::{Migrator, MigratorTrait};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, EntityTrait,
    QueryOrder, RuntimeErr,
};
use sea_orm_migration::{IntoSchemaManagerConnection, SchemaManager, seaql_migrations};
use tokio::time::{Instant, interval_at, sleep};

use super::{
    Db, DbError, Target,
    error::Kind,
    file,
    pools::{self, SCHEMA_ACQUIRE_TIMEOUT},
    write::begin,
};

/// Arbitrary, but the same in every Vestibule that shares a Postgres database.
const ADVISORY_LOCK: i64 = 0x7665_7374_6962;
/// Where sea-orm-migration records what was applied.
const MIGRATIONS_TABLE: &str = "seaql_migrations";
/// How often a wait for the lock is logged.
const WAITING_LOG_INTERVAL: Duration = Duration::from_secs(10);
/// SQLite answers BUSY after its time-out, and at once while another process turns WAL on.
const SQLITE_RETRY: Duration = Duration::from_millis(50);

/// How the database's schema compares with this binary's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaState {
    /// Migrations that were applied and that this binary knows, oldest first.
    pub applied: Vec<String>,
    /// Migrations that this binary has and the database lacks, oldest first.
    pub pending: Vec<String>,
    /// Migrations in the database that this binary does not know: the schema is newer.
    pub unknown: Vec<String>,
}

/// The outcome of undoing a migration.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Undone {
    /// The last migration was undone.
    One(String),
    /// No migration is applied.
    Nothing,
    /// Nothing was undone: these migrations are newer than this binary.
    NewerSchema(Vec<String>),
}

impl SchemaState {
    fn compare<M: MigratorTrait>(mut recorded: Vec<String>) -> Self {
        let known = M::migrations();
        let known = known.iter().map(|migration| migration.name().to_owned());
        let (applied, pending): (Vec<_>, _) = known.partition(|name| recorded.contains(name));
        recorded.retain(|name| !applied.contains(name));
        Self {
            applied,
            pending,
            unknown: recorded,
        }
    }

    /// Whether this binary can serve on the schema: nothing is missing, or the schema is newer, and a
    /// newer schema only expands.
    pub fn is_usable(&self) -> bool {
        self.pending.is_empty() || !self.unknown.is_empty()
    }
}

impl Db {
    /// Reads how the schema compares with this binary's; changes nothing.
    pub async fn schema_state(&self) -> Result<SchemaState, DbError> {
        self.schema_state_of::<Migrator>().await
    }

    /// Applies what is pending, unless the schema is newer than this binary.
    pub async fn migrate(&self) -> Result<SchemaState, DbError> {
        self.migrate_to::<Migrator>().await
    }

    /// Undoes the last migration that was applied, and no other.
    pub async fn migrate_down(&self) -> Result<Undone, DbError> {
        self.with_lock(|transaction| {
            Box::pin(async move {
                let state = state::<Migrator, _>(transaction).await?;
                if !state.unknown.is_empty() {
                    return Ok(Undone::NewerSchema(state.unknown));
                }
                let Some(last) = state.applied.into_iter().next_back() else {
                    return Ok(Undone::Nothing);
                };
                Migrator::down(transaction, Some(1)).await?;
                Ok(Undone::One(last))
            })
        })
        .await
    }

    /// [`Self::schema_state`] for another list of migrations.
    #[doc(hidden)]
    pub async fn schema_state_of<M: MigratorTrait>(&self) -> Result<SchemaState, DbError> {
        if let Target::Sqlite(path) = &self.inner.settings.target
            && !path.exists()
        {
            return Ok(SchemaState::compare::<M>(Vec::new()));
        }
        let connection = self.schema_connection().await?;
        let state = log_while_waiting(while_busy(|| state::<M, _>(&connection))).await;
        let _ = connection.close().await;
        state.map_err(|error| self.unusable(&error))
    }

    /// [`Self::migrate`] to another list of migrations: tests add one to this binary's.
    #[doc(hidden)]
    pub async fn migrate_to<M: MigratorTrait>(&self) -> Result<SchemaState, DbError> {
        let state_before = self.schema_state_of::<M>().await?;
        if state_before.is_usable() {
            return Ok(state_before);
        }
        self.with_lock(|transaction| {
            Box::pin(async move {
                // Another process may have been first.
                let found = state::<M, _>(transaction).await?;
                if !found.is_usable() {
                    M::up(transaction, None).await?;
                    tracing::info!(migrations = ?found.pending, "migrations applied");
                }
                state::<M, _>(transaction).await
            })
        })
        .await
    }

    async fn schema_connection(&self) -> Result<DatabaseConnection, DbError> {
        let target = &self.inner.settings.target;
        if let Target::Sqlite(path) = target {
            file::create_if_missing(path).map_err(|error| self.unusable(&error))?;
        }
        if let Some(error) = self.why_unreachable(SCHEMA_ACQUIRE_TIMEOUT).await {
            return Err(error);
        }
        pools::open_for_schema(target).map_err(DbError::Unavailable)
    }

    /// An operator needs the name of a SQLite file that cannot be used. A Postgres URL may hold a
    /// password and is never named.
    pub(super) fn unusable(&self, error: &dyn Display) -> DbError {
        let text = match &self.inner.settings.target {
            Target::Sqlite(path) => format!("database.url: {}: {error}", path.display()),
            Target::Postgres { .. } => error.to_string(),
        };
        DbError::Unavailable(DbErr::Conn(RuntimeErr::Internal(text)))
    }

    async fn with_lock<T, W>(&self, work: W) -> Result<T, DbError>
    where
        W: for<'t> FnOnce(&'t DatabaseTransaction) -> BoxFuture<'t, Result<T, DbErr>>,
    {
        let connection = self.schema_connection().await?;
        let outcome = async {
            let transaction = log_while_waiting(lock(&connection)).await?;
            let done = work(&transaction).await?;
            transaction.commit().await?;
            Ok(done)
        };
        let outcome = outcome.await.map_err(|error: DbErr| self.unusable(&error));
        let _ = connection.close().await;
        outcome
    }
}

/// Begins the transaction that holds the lock until it ends.
async fn lock(connection: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    // On SQLite the write lock, which this takes, is the lock.
    let transaction = while_busy(|| begin(connection)).await?;
    if connection.get_database_backend() == DbBackend::Postgres {
        transaction
            .execute_unprepared(&format!("SELECT pg_advisory_xact_lock({ADVISORY_LOCK})"))
            .await?;
    }
    Ok(transaction)
}

/// Repeats work as long as SQLite is busy with another process.
async fn while_busy<T, F>(work: impl Fn() -> F) -> Result<T, DbErr>
where
    F: Future<Output = Result<T, DbErr>>,
{
    loop {
        match work().await {
            Err(error) if Kind::of(&error) == Kind::SqliteBusy => sleep(SQLITE_RETRY).await,
            outcome => return outcome,
        }
    }
}

async fn log_while_waiting<T>(lock: impl Future<Output = T>) -> T {
    let start = Instant::now();
    let mut log = interval_at(start + WAITING_LOG_INTERVAL, WAITING_LOG_INTERVAL);
    tokio::pin!(lock);
    loop {
        tokio::select! {
            locked = &mut lock => return locked,
            _ = log.tick() => {
                tracing::info!(waited_seconds = start.elapsed().as_secs(), "waiting for another process to finish migrating");
            }
        }
    }
}

async fn state<'c, M, C>(connection: &'c C) -> Result<SchemaState, DbErr>
where
    M: MigratorTrait,
    C: ConnectionTrait,
    &'c C: IntoSchemaManagerConnection<'c>,
{
    Ok(SchemaState::compare::<M>(recorded_names(connection).await?))
}

/// sea-orm-migration fails on names that it does not know, but a newer schema is no failure here.
async fn recorded_names<'c, C>(connection: &'c C) -> Result<Vec<String>, DbErr>
where
    C: ConnectionTrait,
    &'c C: IntoSchemaManagerConnection<'c>,
{
    if !SchemaManager::new(connection)
        .has_table(MIGRATIONS_TABLE)
        .await?
    {
        return Ok(Vec::new());
    }
    let rows = seaql_migrations::Entity::find()
        .order_by_asc(seaql_migrations::Column::Version)
        .all(connection)
        .await?;
    Ok(rows.into_iter().map(|row| row.version).collect())
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// (W51)
    #[tokio::test(start_paused = true)]
    async fn who_waits_for_the_lock_says_so_every_ten_seconds() {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .finish();
        let guard = tracing::subscriber::set_default(subscriber);
        log_while_waiting(sleep(Duration::from_secs(9))).await;
        assert!(log.0.lock().unwrap().is_empty());
        log_while_waiting(sleep(Duration::from_secs(35))).await;
        drop(guard);
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 3, "{text}");
        for (line, waited) in text.lines().zip(["10", "20", "30"]) {
            assert!(line.contains("waiting for another process"), "{line}");
            assert!(
                line.ends_with(&format!("waited_seconds={waited}")),
                "{line}"
            );
        }
    }
}
