//! An upgrade of the schema while people use it: a migration that only the tests know runs over
//! rows, is killed on its way, and is followed by the binary that does not know it.

use std::{
    env,
    time::{Duration, Instant},
};

use sea_orm::DbBackend;
use sea_orm_migration::prelude::*;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};
use vestibule::db::Db;

use crate::harness::{Database, PASSWORD, Server, ServerProcess, Store, figure, scale, within};

on_both_databases!(
    writers_are_served_while_the_schema_grows,
    a_migration_that_is_killed_is_rolled_back_and_runs_whole_at_the_next_start,
    three_that_start_at_once_on_the_larger_schema_agree,
);

/// The release after this one: all that it has, and a nullable column with its index.
struct Next;

impl MigratorTrait for Next {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let mut migrations = migrations::Migrator::migrations();
        migrations.push(Box::new(AddNickname));
        migrations
    }
}

struct AddNickname;

impl MigrationName for AddNickname {
    fn name(&self) -> &'static str {
        "m20991231_000001_add_nickname"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for AddNickname {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = Table::alter()
            .table("users")
            .add_column(ColumnDef::new("nickname").text())
            .to_owned();
        manager.alter_table(column).await?;
        if env::var_os(STORE).is_some() {
            println!("{HALF_WAY}");
            std::future::pending::<()>().await;
        }
        let index = Index::create()
            .name("users_nickname_idx")
            .table("users")
            .col("nickname")
            .col("created_at")
            .to_owned();
        manager.create_index(index).await
    }
}

/// The variable that makes this test binary a process that is killed half way.
const STORE: &str = "VESTIBULE_TEST_STORE";
const HALF_WAY: &str = "half way through the migration";
const CHILD: &str = "upgrade::a_child_of_these_tests_stops_half_way";

/// Rows that look like users; nobody logs in as one of them.
async fn fill(store: &Store, database: Database, count: usize) {
    let (numbers, id) = match database {
        Database::Sqlite => (
            format!(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
            ),
            "randomblob(16)",
        ),
        Database::Postgres => (
            format!("WITH n(i) AS (SELECT generate_series(1, {count}))"),
            "gen_random_uuid()",
        ),
    };
    let columns = "id, email, email_key, password_scheme, status, session_epoch, version, created_at, updated_at";
    store
        .execute(&format!(
            "{numbers} INSERT INTO users ({columns}) SELECT {id}, 'u' || i, 'u' || i, 1, 1, 0, 1, i, i FROM n"
        ))
        .await;
}

/// A database on the schema of this binary.
async fn filled(database: Database, count: usize) -> Store {
    let store = Store::new(database).await;
    let db = Db::open(&store.settings()).unwrap();
    db.migrate().await.unwrap();
    fill(&store, database, count).await;
    store
}

async fn columns(store: &Store) -> Vec<String> {
    let query = match store.sql().await.get_database_backend() {
        DbBackend::Sqlite => "SELECT name AS text FROM pragma_table_info('users')",
        _ => {
            "SELECT column_name::text AS text FROM information_schema.columns WHERE table_name = 'users'"
        }
    };
    store.texts(query).await
}

async fn indexes(store: &Store) -> Vec<String> {
    let query = match store.sql().await.get_database_backend() {
        DbBackend::Sqlite => "SELECT name AS text FROM sqlite_master WHERE type = 'index'",
        _ => "SELECT indexname::text AS text FROM pg_indexes WHERE schemaname = 'public'",
    };
    store.texts(query).await
}

async fn is_whole(store: &Store) -> bool {
    let (columns, indexes) = (columns(store).await, indexes(store).await);
    let has = |names: &[String], name: &str| names.iter().any(|one| one == name);
    assert_eq!(
        has(&columns, "nickname"),
        has(&indexes, "users_nickname_idx"),
        "all or nothing"
    );
    has(&columns, "nickname")
}

/// (U2) Over 20,000 rows in CI and 1,000,000 for the scorecard. The writers' longest wait is
/// printed, not bounded. Afterwards this binary, which does not know the column, serves.
async fn writers_are_served_while_the_schema_grows(database: Database) {
    let app = Server::start(database).await;
    let count = scale(20_000, 1_000_000);
    fill(&app.store, database, count).await;

    let db = app.db.clone();
    let begun = Instant::now();
    let migration = tokio::spawn(async move {
        let state = db.migrate_to::<Next>().await.unwrap();
        (state, begun.elapsed())
    });
    let (mut written, mut refused, mut longest) = (0, 0, Duration::ZERO);
    loop {
        let begun = Instant::now();
        match app
            .grpc()
            .register(&crate::harness::email(), PASSWORD)
            .await
        {
            Ok(_) => written += 1,
            Err(_) => refused += 1,
        }
        longest = longest.max(begun.elapsed());
        if migration.is_finished() {
            break;
        }
    }
    let (state, took) = migration.await.unwrap();
    assert!(state.pending.is_empty() && state.unknown.is_empty());
    assert!(is_whole(&app.store).await);
    // A writer who was refused for the time it took may have written all the same.
    let rows = app.store.rows("users").await;
    assert!((count + written..=count + written + refused).contains(&rows));
    figure(
        "U2",
        format_args!(
            "{database:?}: {count} rows migrated in {took:?}; of {written} writers the longest waited {longest:?}, {refused} refused"
        ),
    );

    // Expand-only: the binary that is N - 1 now serves on, and starts again, on schema N.
    let user = app.grpc().registered().await;
    let app = app.stop_and_plan().await.start().await;
    let session = app.grpc().open(&user.email, PASSWORD).await.unwrap();
    assert!(app.grpc().validate(&session.session_token).await.is_ok());
    app.grpc().registered().await;
    let older = app.db.schema_state().await.unwrap();
    assert_eq!(older.unknown, ["m20991231_000001_add_nickname"]);
    let service = ServerProcess::start(&app.store, &[], &[]);
    service.await_ready().await;
    assert!(service.grpc().is_valid(&user.email, PASSWORD).await);
    assert!(is_whole(&app.store).await);
}

/// (U2) kill -9 between the column and the index, with 2,000 rows.
async fn a_migration_that_is_killed_is_rolled_back_and_runs_whole_at_the_next_start(
    database: Database,
) {
    let store = filled(database, 2_000).await;
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", CHILD, "--nocapture"])
        .env(STORE, &store.url)
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let told = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains(HALF_WAY) {
                return;
            }
        }
        panic!("the child ended before it was half way");
    };
    within(Duration::from_secs(30), "the child is half way", told).await;
    child.kill().await.unwrap();
    assert!(!is_whole(&store).await, "rolled back");

    let db = Db::open(&store.settings()).unwrap();
    let begun = Instant::now();
    let state = db.migrate_to::<Next>().await.unwrap();
    assert!(state.pending.is_empty());
    assert!(is_whole(&store).await);
    assert_eq!(store.rows("users").await, 2_000);
    figure(
        "U2",
        format_args!(
            "{database:?}: after kill -9 the migration ran whole in {:?}",
            begun.elapsed()
        ),
    );
}

/// The child of the test above; no test when nobody says which database.
#[tokio::test]
async fn a_child_of_these_tests_stops_half_way() {
    let Ok(url) = env::var(STORE) else { return };
    let store = match url.strip_prefix("sqlite://") {
        Some(file) => Store::sqlite(file.into()),
        None => Store::postgres(url),
    };
    let db = Db::open(&store.settings()).unwrap();
    db.migrate_to::<Next>().await.unwrap();
}

/// (U2) Three at once: one migrates, the others find it done.
async fn three_that_start_at_once_on_the_larger_schema_agree(database: Database) {
    let store = filled(database, 2_000).await;
    let replicas = (0..3).map(|_| async {
        let db = Db::open(&store.settings()).unwrap();
        db.migrate_to::<Next>().await.unwrap()
    });
    for state in futures_util::future::join_all(replicas).await {
        assert_eq!(state.applied.len(), Next::migrations().len());
        assert!(state.pending.is_empty() && state.unknown.is_empty());
    }
    assert!(is_whole(&store).await);
}
