//! stub
use secrecy::SecretString;
use std::{path::PathBuf, time::Duration};
use thiserror::Error;

/// Where users and sessions live.
#[derive(Debug, Clone)]
pub enum Target {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A Postgres database.
    Postgres {
        /// `postgres://…`; may hold a password.
        url: SecretString,
        /// Wins over one in the URL.
        password: Option<SecretString>,
    },
}

/// How the database is reached.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where.
    pub target: Target,
    /// Postgres: the most connections. SQLite's pools are fixed.
    pub max_connections: u32,
    /// How long a call waits for a connection.
    pub acquire_timeout: Duration,
    /// Postgres: how long one statement may run.
    pub statement_timeout: Duration,
}

/// A handle on the database; clones share its pools.
#[derive(Clone)]
pub struct Db;

/// Why the database did not do what was asked. `Display` of the sources is for the log alone.
#[derive(Debug, Error)]
pub enum DbError {
    /// No connection came free in time while the database is well.
    #[error("no database connection came free in time")]
    Busy,
    /// The deadline passed first; a write that had started is finished all the same.
    #[error("the deadline passed")]
    DeadlineExceeded,
    /// The database cannot be reached, or refused to work.
    #[error("the database is away")]
    Unavailable(#[source] sea_orm::DbErr),
    /// A statement that should not fail did.
    #[error("unexpected database error")]
    Bug(#[source] sea_orm::DbErr),
}

impl Db {
    /// Opens the pools; connects lazily, so nothing fails here for a database that is away.
    pub fn open(settings: &Settings) -> Result<Self, DbError> {
        todo!()
    }
    /// One probe on a connection of its own outside the pool (SELECT 1), at most 1 s; remembers the outcome so that a full pool can be told from a lost database.
    pub async fn probe(&self) -> Result<(), DbError> {
        todo!()
    }
    /// Waits for tracked writes up to `limit`, then closes the pools; returns how many writes were abandoned.
    pub async fn close(&self, limit: Duration) -> usize {
        todo!()
    }
    /// Applies pending migrations under the lock. Ok = schema is usable.
    pub async fn migrate(&self) -> Result<SchemaState, DbError> {
        todo!()
    }
    /// Reads the state without changing anything.
    pub async fn schema_state(&self) -> Result<SchemaState, DbError> {
        todo!()
    }
    /// Undoes exactly the last migration; its name, or None when there is none.
    pub async fn migrate_down(&self) -> Result<Option<String>, DbError> {
        todo!()
    }
}

/// How the database's schema compares with this binary's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaState {
    /// Names applied, in order, that this binary knows.
    pub applied: Vec<String>,
    /// Names this binary has that the database lacks.
    pub pending: Vec<String>,
    /// Names in the database that this binary does not know: a newer schema.
    pub unknown: Vec<String>,
}
