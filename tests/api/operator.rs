//! The database that a command works on: named without its password, called missing where it is, and
//! not confused with the one that is served beside it.

use std::process::Output;

use crate::harness::{Database, Postgres, ServerProcess, Store};

on_both_databases!(
    every_command_names_its_database_and_so_do_its_errors,
    a_missing_database_is_called_missing,
);

/// The lines that are not the log's, which is JSON here.
fn lines(stderr: &str) -> Vec<&str> {
    let lines = stderr.lines();
    lines.filter(|line| !line.starts_with('{')).collect()
}

async fn every_command_names_its_database_and_so_do_its_errors(database: Database) {
    let store = Store::new(database).await;
    let name = store.target.to_string();
    let announced = format!("vestibule: the database is {name}");
    for line in [
        "migrate up",
        "migrate status",
        "caller list",
        "users export",
    ] {
        let arguments: Vec<_> = line.split(' ').collect();
        let done = ServerProcess::run_over(&store, &arguments).await;
        assert_eq!(done.code(), Some(0), "{done:?}");
        assert_eq!(lines(&done.stderr), [announced.as_str()]);
    }
    for (line, code, why) in [
        ("caller remove shop", 1, "there is no caller shop"),
        ("users show nobody@example.com", 1, "no such user"),
        ("users import no-such-file.csv", 1, "no-such-file.csv"),
        ("sessions revoke --all", 64, "repeat it with --yes"),
        ("migrate down", 64, "repeat it with --yes"),
        ("restored", 64, "repeat it with --yes"),
    ] {
        let arguments: Vec<_> = line.split(' ').collect();
        let refused = ServerProcess::run_over(&store, &arguments).await;
        assert_eq!(refused.code(), Some(code), "{refused:?}");
        let lines = lines(&refused.stderr);
        assert_eq!((lines.len(), lines[0]), (2, announced.as_str()));
        assert!(lines[1].starts_with(&format!("vestibule: {name}: ")));
        assert!(lines[1].contains(why), "{}", lines[1]);
    }
}

async fn a_missing_database_is_called_missing(database: Database) {
    let folder = tempfile::tempdir().unwrap();
    let store = match database {
        Database::Sqlite => Store::sqlite(folder.path().join("missing.db")),
        Database::Postgres => Store::postgres(Postgres::shared().url("no_such_database")),
    };
    for line in ["caller list", "users export", "sessions revoke --all --yes"] {
        let arguments: Vec<_> = line.split(' ').collect();
        let refused = ServerProcess::run_over(&store, &arguments).await;
        assert_eq!(refused.code(), Some(1), "{refused:?}");
        let expected = format!("vestibule: {}: the database is missing", store.target);
        assert!(refused.stderr.contains(&expected), "{}", refused.stderr);
    }
    assert!(folder.path().read_dir().unwrap().next().is_none());
}

/// Of a password nothing is printed, wherever in the configuration it is.
#[tokio::test]
async fn no_command_prints_the_password_of_its_database() {
    let url = "postgres://v:canary@localhost:1/users?password=canary";
    let variables = [
        ("VESTIBULE_DATABASE_URL", url),
        ("VESTIBULE_DATABASE_PASSWORD", "canary"),
    ];
    let refused = ServerProcess::run(&["backup", "copy.db"], &variables).await;
    assert_eq!(refused.code(), Some(64), "{refused:?}");
    let name = "postgres://v@localhost:1/users";
    assert!(refused.stderr.contains(name), "{}", refused.stderr);
    assert!(!refused.output.contains("canary"), "{}", refused.output);
}

/// In a folder with a `./vestibule.db` that a server has open, a command that works on another database
/// says so; a file that nobody serves is not mentioned, even if a crash left its `-shm` behind.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_served_beside_another_is_pointed_out() {
    const NOTE: &str = "note: a server has ./vestibule.db open, which is another database";
    let folder = tempfile::tempdir().unwrap();
    let served = Store::sqlite(folder.path().join("vestibule.db"));
    let other = Store::new(Database::Sqlite).await;
    ServerProcess::run_over(&other, &["migrate", "up"]).await;
    let is_noted = async |line: &str, store: Option<&Store>| {
        let arguments: Vec<_> = line.split(' ').collect();
        let variables = store.map(|store| ("VESTIBULE_DATABASE_URL", store.url.as_str()));
        let output: Output = ServerProcess::command(&arguments, variables.as_slice())
            .current_dir(folder.path())
            .output()
            .await
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap().contains(NOTE)
    };
    let service = ServerProcess::start(&served, &[], &[]);
    service.await_ready().await;
    assert!(is_noted("caller list", Some(&other)).await);
    assert!(!is_noted("caller list --dev", None).await);
    assert!(!is_noted("caller list", Some(&served)).await);
    service.await_ready().await;

    service.signal("KILL").await;
    service.finish().await;
    assert!(folder.path().join("vestibule.db-shm").exists());
    assert!(!is_noted("caller list", Some(&other)).await);
}
