//! The databases of a run. Users and sessions are inserted by SQL: to hash a million passwords would
//! take hours.

use std::{
    fmt,
    path::Path,
    str::FromStr,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database as Connect, DatabaseConnection, DbBackend, Statement,
};
use serde::Serialize;
use uuid::Uuid;
use vestibule::domain::{SessionId, SessionToken};

use crate::{
    Failure, Result,
    calls::{EPOCH_MILLIS, SECRET, Workload},
    folder::Folder,
    hashes::Cost,
    load,
    postgres::Postgres,
    server::Server,
};

/// The user whose hash every user gets.
const SEED: &str = "seed@bench.example";
/// The default lifetime of a session.
const LIFETIME_MICROS: u128 = 30 * 24 * 3_600 * 1_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Database {
    #[serde(rename = "SQLite")]
    Sqlite,
    Postgres,
}

impl Database {
    pub(crate) const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];
}

impl FromStr for Database {
    type Err = Failure;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|database| database.to_string().eq_ignore_ascii_case(name))
            .ok_or_else(|| format!("bench: there is no database {name}").into())
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "Postgres",
        })
    }
}

/// A database on which servers are started.
pub(crate) struct Store {
    pub(crate) url: String,
    users: u64,
    /// Removed at the end.
    _folder: Option<Folder>,
}

impl Store {
    /// An empty database: a file, or a database of the cluster.
    pub(crate) fn new(database: Database, postgres: Option<&Postgres>, name: &str) -> Result<Self> {
        let (url, folder) = match (database, postgres) {
            (Database::Sqlite, _) => {
                let folder = Folder::new()?;
                (sqlite_url(folder.path()), Some(folder))
            }
            (Database::Postgres, Some(cluster)) => {
                let create = format!("CREATE DATABASE {name}");
                load::runtime()?.block_on(execute(&cluster.url("postgres"), &[create]))?;
                (cluster.url(name), None)
            }
            (Database::Postgres, None) => return Err("there is no Postgres".into()),
        };
        Ok(Self {
            url,
            users: 0,
            _folder: folder,
        })
    }

    /// Adds users up to a number, with a session each. No server may run on the database meanwhile.
    pub(crate) fn fill(&mut self, users: u64, cost: Cost) -> Result<()> {
        if self.users == 0 {
            let server = Server::start(&self.url, cost)?;
            server.call(&Arc::new(Workload::register(SEED)))?;
            server.stop()?;
        }
        load::runtime()?.block_on(insert(&self.url, self.users + 1, users))?;
        self.users = users;
        Ok(())
    }
}

fn sqlite_url(folder: &Path) -> String {
    format!("sqlite://{}/vestibule.db", folder.display())
}

async fn connect(url: &str) -> Result<DatabaseConnection> {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    Ok(Connect::connect(options).await?)
}

async fn execute(url: &str, statements: &[String]) -> Result<()> {
    let connection = connect(url).await?;
    for statement in statements {
        connection.execute_unprepared(statement).await?;
    }
    Ok(connection.close().await?)
}

async fn insert(url: &str, first: u64, last: u64) -> Result<()> {
    let connection = connect(url).await?;
    let backend = connection.get_database_backend();
    let seed = format!("SELECT hashed_password FROM users WHERE email_key = '{SEED}'");
    let row = connection
        .query_one_raw(Statement::from_string(backend, seed))
        .await?;
    let hash: String = row
        .ok_or("the first user is not there")?
        .try_get_by_index(0)?;
    connection.close().await?;
    execute(url, &statements(backend, first, last, &hash)).await
}

/// Two inserts whose ids follow from the row's number in both dialects, then the maintenance that a
/// database does in time: a checkpoint, and statistics on Postgres.
fn statements(backend: DbBackend, first: u64, last: u64, hash: &str) -> Vec<String> {
    let sqlite = backend == DbBackend::Sqlite;
    let (numbers, blob) = if sqlite {
        let numbers = format!(
            "(WITH RECURSIVE r(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM r WHERE n < {last}) SELECT n FROM r)"
        );
        (numbers, "X'")
    } else {
        (
            format!("generate_series({first}::bigint, {last}) n"),
            "'\\x",
        )
    };
    let id = |kind: u32| {
        if sqlite {
            format!("unhex(printf('%012x{kind}8000%012x', {EPOCH_MILLIS} + n, n))")
        } else {
            format!(
                "(lpad(to_hex({EPOCH_MILLIS} + n), 12, '0') || '{kind}8000' || lpad(to_hex(n), 12, '0'))::uuid"
            )
        }
    };
    let (user, session) = (id(7000), id(7001));
    let secret = SessionToken::new(SessionId::new(Uuid::nil()), SECRET).secret_hash();
    let secret = secret.as_bytes().map(|byte| format!("{byte:02x}")).concat();
    let now = unix_micros();
    let expires = now + LIFETIME_MICROS;
    let mut statements = vec![
        format!(
            "INSERT INTO users (id, email, email_key, hashed_password, password_scheme, status, session_epoch, version, created_at, updated_at) \
             SELECT {user}, 'user' || n || '@bench.example', 'user' || n || '@bench.example', '{hash}', 1, 1, 0, 0, {now}, {now} FROM {numbers}"
        ),
        format!(
            "INSERT INTO sessions (id, user_id, secret_hash, epoch, created_at, authenticated_at, last_seen_at, expires_at) \
             SELECT {session}, {user}, {blob}{secret}', 0, {now}, {now}, {now}, {expires} FROM {numbers}"
        ),
    ];
    let settle: &[&str] = if sqlite {
        &["PRAGMA wal_checkpoint(TRUNCATE)"]
    } else {
        &["VACUUM ANALYZE", "CHECKPOINT"]
    };
    statements.extend(settle.iter().map(ToString::to_string));
    statements
}

/// Microseconds since 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "the kit has no Clock: it measures, and dates what it writes"
)]
pub(crate) fn unix_micros() -> u128 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_micros()
}
