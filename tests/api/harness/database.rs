//! The two databases that every promise is kept on, and a fresh one of either for each test.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, Statement};
use tempfile::TempDir;
use tokio::sync::OnceCell;
use vestibule::db::{Db, DbSettings, Target};
use vestibule::proto::v1::EventKind;

use super::{Postgres, Proxy};

/// Which database a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Database {
    /// A file of its own.
    Sqlite,
    /// A database of its own in the shared cluster.
    Postgres,
}

/// What a promise stands on: the database alone, or the application over it.
pub(crate) trait Fixture {
    /// Makes it.
    async fn on(database: Database) -> Self;
}

impl Fixture for Database {
    async fn on(database: Database) -> Self {
        database
    }
}

/// Makes two tests of each promise, `sentence::on_sqlite` and `sentence::on_postgres`. A promise is
/// an `async fn` that takes a [`Database`] or a `Server`.
macro_rules! on_both_databases {
    ($($promise:ident),+ $(,)?) => {$(
        mod $promise {
            use $crate::harness::{Database, Postgres, keep};

            #[tokio::test(flavor = "multi_thread")]
            async fn on_sqlite() {
                keep(super::$promise, Database::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn on_postgres() {
                if Postgres::is_here() {
                    keep(super::$promise, Database::Postgres).await;
                }
            }
        }
    )+};
}

/// Keeps a promise on one database.
pub(crate) async fn keep<G: Fixture, F: Future<Output = ()>>(
    promise: impl FnOnce(G) -> F,
    database: Database,
) {
    promise(G::on(database).await).await;
}

/// One test's database.
pub(crate) struct Store {
    /// How the application reaches it.
    pub(crate) target: Target,
    /// The same for processes.
    pub(crate) url: String,
    /// Holds the SQLite file; removed with it.
    _directory: Option<TempDir>,
}

impl Store {
    /// A migrated database without rows.
    pub(crate) async fn new(database: Database) -> Self {
        match database {
            Database::Sqlite => Self::empty(database).await,
            Database::Postgres => {
                static TEMPLATE: OnceCell<()> = OnceCell::const_new();
                TEMPLATE.get_or_init(make_template).await;
                Self::in_shared_cluster("TEMPLATE migrated").await
            }
        }
    }

    /// A database without tables.
    pub(crate) async fn empty(database: Database) -> Self {
        match database {
            Database::Sqlite => {
                let directory = tempfile::tempdir().unwrap();
                let store = Self::sqlite(directory.path().join("vestibule.db"));
                Self {
                    _directory: Some(directory),
                    ..store
                }
            }
            Database::Postgres => Self::in_shared_cluster("").await,
        }
    }

    /// A SQLite file somewhere.
    pub(crate) fn sqlite(file: PathBuf) -> Self {
        Self {
            url: format!("sqlite://{}", file.display()),
            target: Target::Sqlite(file),
            _directory: None,
        }
    }

    /// A Postgres database somewhere.
    pub(crate) fn postgres(url: String) -> Self {
        Self {
            target: Target::Postgres {
                url: url.clone().into(),
                password: None,
            },
            url,
            _directory: None,
        }
    }

    /// The same Postgres database, reached through a network that a test breaks.
    pub(crate) fn through(&self, proxy: &Proxy) -> Self {
        let before_options = self.url.split('?').next().unwrap();
        let name = before_options.rsplit('/').next().unwrap();
        Self::postgres(proxy.url(name))
    }

    async fn in_shared_cluster(how: &str) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        administer(&format!("CREATE DATABASE {name} {how}")).await;
        Self::postgres(Postgres::shared().url(&name))
    }

    /// The settings of a small pool.
    pub(crate) fn settings(&self) -> DbSettings {
        DbSettings {
            target: self.target.clone(),
            max_connections: 4,
            acquire_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(5),
        }
    }

    /// Runs a statement.
    pub(crate) async fn execute(&self, statement: &str) {
        let sql = self.sql().await;
        sql.execute_unprepared(statement).await.unwrap();
        sql.close().await.unwrap();
    }

    /// The column `text` of a query's rows.
    pub(crate) async fn texts(&self, query: &str) -> Vec<String> {
        let sql = self.sql().await;
        let statement = Statement::from_string(sql.get_database_backend(), query);
        let rows = sql.query_all_raw(statement).await.unwrap();
        sql.close().await.unwrap();
        rows.iter()
            .map(|row| row.try_get("", "text").unwrap())
            .collect()
    }

    /// How many rows a table has.
    pub(crate) async fn rows(&self, table: &str) -> usize {
        let sql = self.sql().await;
        let statement = format!("SELECT 1 FROM {table}");
        let statement = Statement::from_string(sql.get_database_backend(), statement);
        let rows = sql.query_all_raw(statement).await.unwrap();
        sql.close().await.unwrap();
        rows.len()
    }

    /// A connection of the test's own, to look at rows and to prepare them.
    pub(crate) async fn sql(&self) -> DatabaseConnection {
        connect(&self.url).await
    }
}

async fn make_template() {
    administer("CREATE DATABASE migrated").await;
    let store = Store::postgres(Postgres::shared().url("migrated"));
    let db = Db::open(&store.settings()).unwrap();
    db.migrate().await.unwrap();
    // A template can be copied only while nobody is connected to it.
    db.close(Duration::from_secs(5)).await;
}

async fn administer(statement: &str) {
    let connection = connect(&Postgres::shared().url("postgres")).await;
    connection.execute_unprepared(statement).await.unwrap();
    connection.close().await.unwrap();
}

async fn connect(url: &str) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    // As in `src/db/pools.rs`: the maintenance task of the driver may loop without an end.
    options.idle_timeout(None).max_lifetime(None);
    options.max_connections(1).sqlx_logging(false);
    sea_orm::Database::connect(options).await.unwrap()
}

/// The one number that a query answers.
pub(crate) async fn number(sql: &DatabaseConnection, question: &str) -> i64 {
    let statement = Statement::from_string(sql.get_database_backend(), question);
    let row = sql.query_one_raw(statement).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}

/// The stored events of some kinds, as [`Store::rows`] counts them. Kinds are stored by their numbers
/// in the API.
pub(crate) fn events_of(kinds: &[EventKind]) -> String {
    let numbers: Vec<_> = kinds
        .iter()
        .map(|kind| (*kind as i32).to_string())
        .collect();
    format!("events WHERE kind IN ({})", numbers.join(", "))
}
