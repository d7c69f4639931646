//! Backups and what is restored from them.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex},
};

use sea_orm::ConnectionTrait;
use tokio::{process::Command, sync::watch, task::JoinSet};
use vestibule::proto::v1::SessionStatus;

use crate::harness::{
    Client, Database, PASSWORD, Plan, Postgres, Server, ServerProcess, Store, email, eventually,
    figure, scale,
};

/// Runs `vestibule backup` over a SQLite store and gives its exit code and complaints.
async fn backup(store: &Store, to: &Path) -> (i32, String) {
    let done = ServerProcess::run_over(store, &["backup", to.to_str().unwrap()]).await;
    (done.code().unwrap(), done.stderr)
}

/// The names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Registers and logs in until told to stop, and notes every address that was acknowledged.
async fn keep_busy(client: Client, known: Arc<Mutex<Vec<String>>>, stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        let address = email();
        client.register(&address, PASSWORD).await.unwrap();
        known.lock().unwrap().push(address.clone());
        client.open(&address, PASSWORD).await.unwrap();
    }
}

/// 3 backups by another process in CI, 30 for the scorecard, while 4 callers register and log in.
/// Each has everybody who was acknowledged before it began, is whole, and is for its owner alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_has_everybody_who_was_acknowledged_before_it() {
    let (backups, each) = (scale(3, 30), scale(40, 400));
    let app = Server::start(Database::Sqlite).await;
    let folder = tempfile::tempdir().unwrap();
    let known = Arc::new(Mutex::new(Vec::new()));
    let registered = || known.lock().unwrap().len();
    let (stop, stopped) = watch::channel(false);
    let callers: JoinSet<_> = (0..4)
        .map(|_| keep_busy(app.another_grpc(), Arc::clone(&known), stopped.clone()))
        .collect();

    let mut meanwhile = 0;
    for turn in 1..=backups {
        eventually("more are registered", async || registered() >= turn * each).await;
        let before = known.lock().unwrap().clone();
        let file = folder.path().join(format!("{turn}.db"));
        let (code, told) = backup(&app.store, &file).await;
        assert_eq!(code, 0, "{told}");
        meanwhile += registered() - before.len();

        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let copy = Store::sqlite(file);
        let check = "SELECT integrity_check AS text FROM pragma_integrity_check";
        assert_eq!(copy.texts(check).await, ["ok"]);
        let orphans = "SELECT \"table\" AS text FROM pragma_foreign_key_check";
        assert!(copy.texts(orphans).await.is_empty());
        let copied = copy.texts("SELECT email AS text FROM users").await;
        for address in &before {
            assert!(copied.contains(address), "somebody is missing");
        }
    }
    stop.send_replace(true);
    callers.join_all().await;
    assert_eq!(names(folder.path()).len(), backups, "nothing else is left");
    assert!(meanwhile > 0, "nobody registered during a backup");
    figure(
        "backup",
        format_args!("{backups} under load, {meanwhile} registrations meanwhile, 0 lost"),
    );
}

/// By the steps of docs/operations.md: the copy is put where the file was.
#[tokio::test(flavor = "multi_thread")]
async fn a_restored_copy_serves() {
    let app = Server::start(Database::Sqlite).await;
    let user = app.grpc().registered().await;
    let opened = app.grpc().open(&user.email, PASSWORD).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("copy.db");
    assert_eq!(backup(&app.store, &file).await.0, 0);

    let late = app.grpc().registered().await;
    let restored = Plan::over(Arc::new(Store::sqlite(file))).start().await;
    let grpc = restored.grpc();
    assert!(grpc.is_valid(&user.email, PASSWORD).await);
    assert!(!grpc.is_valid(&late.email, PASSWORD).await);
    assert_eq!(
        grpc.verdict(&opened.session_token).await,
        SessionStatus::Active
    );
    grpc.register(&late.email, PASSWORD).await.unwrap();
}

/// Exit 1, a line that says why, and nothing but what was there before.
#[tokio::test]
async fn a_backup_that_cannot_be_made_leaves_nothing_behind() {
    let store = Store::empty(Database::Sqlite).await;
    ServerProcess::run_over(&store, &["migrate", "up"]).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("copy.db");

    fs::write(&file, "mine").unwrap();
    let (code, told) = backup(&store, &file).await;
    assert!(
        told.contains("copy.db") && told.contains("exists"),
        "{told}"
    );
    assert_eq!(
        (code, fs::read_to_string(&file).unwrap().as_str()),
        (1, "mine")
    );
    fs::remove_file(&file).unwrap();

    let (code, told) = backup(&store, &folder.path().join("no/copy.db")).await;
    assert!(code == 1 && told.contains("no/copy.db"), "{told}");

    let missing = Store::sqlite(folder.path().join("missing.db"));
    let (code, told) = backup(&missing, &file).await;
    assert!(code == 1 && told.contains("missing.db"), "{told}");

    // A disk that is full in the middle: no file may grow beyond 64 or 128 KiB.
    store
        .execute("CREATE TABLE ballast AS SELECT zeroblob(300000) AS bytes")
        .await;
    let full = Command::new("/bin/sh")
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f 128; exec \"$0\" backup \"$1\"",
        ])
        .args([env!("CARGO_BIN_EXE_vestibule"), file.to_str().unwrap()])
        .env_clear()
        .env("VESTIBULE_DATABASE_URL", &store.url)
        .output()
        .await
        .unwrap();
    assert_eq!(full.status.code(), Some(1), "{full:?}");
    assert!(
        names(folder.path()).is_empty(),
        "{:?}",
        names(folder.path())
    );
}

/// A first SIGTERM ends it with 1, and what it had begun is gone.
#[tokio::test]
async fn a_backup_that_is_interrupted_leaves_nothing_behind() {
    let store = Store::empty(Database::Sqlite).await;
    ServerProcess::run_over(&store, &["migrate", "up"]).await;
    let folder = tempfile::tempdir().unwrap();
    let holder = store.sql().await;
    // Nobody else may read: the backup waits for as long as SQLite waits.
    for statement in ["PRAGMA locking_mode = EXCLUSIVE", "BEGIN IMMEDIATE"] {
        holder.execute_unprepared(statement).await.unwrap();
    }
    let file = folder.path().join("copy.db");
    let variables = [("VESTIBULE_DATABASE_URL", store.url.as_str())];
    let child = ServerProcess::command(&["backup", file.to_str().unwrap()], &variables)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    eventually("it has begun", async || !names(folder.path()).is_empty()).await;
    let order = format!("kill -TERM {}", child.id().unwrap());
    let killed = Command::new("sh").args(["-c", &order]).status().await;
    assert!(killed.unwrap().success());
    let ended = child.wait_with_output().await.unwrap();
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(
        names(folder.path()).is_empty(),
        "{:?}",
        names(folder.path())
    );
}

/// Exit 64 and the name of the tool for it; the database is not asked.
#[tokio::test]
async fn a_backup_of_postgres_is_for_its_own_tools() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("copy.db");
    let nowhere = Store::postgres("postgres://nobody@localhost:1/nothing".to_owned());
    let (code, told) = backup(&nowhere, &file).await;
    assert!(code == 64 && told.contains("pg_dump"), "{code} {told}");
    assert!(names(folder.path()).is_empty());
}

/// By the steps of docs/operations.md, with the tools of the server's own version, under load.
#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_restored_from_its_dump_serves() {
    if !Postgres::is_here() {
        return;
    }
    let app = Server::start(Database::Postgres).await;
    let user = app.grpc().registered().await;
    let opened = app.grpc().open(&user.email, PASSWORD).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("vestibule.dump");
    let file = file.to_str().unwrap();

    let (stop, stopped) = watch::channel(false);
    let known = Arc::default();
    let caller = tokio::spawn(keep_busy(app.another_grpc(), known, stopped));
    run(
        "pg_dump",
        &["--format=custom", "--file", file, &app.store.url],
    )
    .await;
    stop.send_replace(true);
    caller.await.unwrap();

    let empty = Store::empty(Database::Postgres).await;
    let into = [
        "--no-owner",
        "--exit-on-error",
        "--dbname",
        &empty.url,
        file,
    ];
    run("pg_restore", &into).await;
    let restored = Plan::over(Arc::new(empty)).start().await;
    let grpc = restored.grpc();
    assert!(grpc.is_valid(&user.email, PASSWORD).await);
    assert_eq!(
        grpc.verdict(&opened.session_token).await,
        SessionStatus::Active
    );
    grpc.registered().await;
}

/// Runs a program that comes with Postgres.
async fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(Postgres::program(program))
        .args(arguments)
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}
