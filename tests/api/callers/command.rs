//! `vestibule caller`, as operators use it.

use vestibule::domain::CallerToken;

use crate::harness::{Database, EventKind, Finished, ServerProcess, Store, events_of, number};

on_both_databases!(
    a_caller_is_added_listed_rotated_and_removed_on_the_command_line,
    a_grant_that_names_no_method_is_a_fault_of_usage,
    without_tables_nothing_is_done_and_that_is_said,
);

async fn run(store: &Store, line: &str) -> Finished {
    let arguments: Vec<&str> = line.split(' ').collect();
    ServerProcess::run_over(store, &arguments).await
}

/// The key of an answer, which holds nothing else.
fn key(finished: &Finished) -> CallerToken {
    assert_eq!(finished.code(), Some(0), "{}", finished.output);
    CallerToken::parse(finished.stdout.trim_end()).expect("a key")
}

async fn a_caller_is_added_listed_rotated_and_removed_on_the_command_line(database: Database) {
    let store = Store::new(database).await;
    let empty = run(&store, "caller list").await;
    if database == Database::Sqlite {
        // Its file is made by the first migration.
        run(&store, "migrate up").await;
    } else {
        assert!(empty.stdout.contains("there are no callers"), "{empty:?}");
    }
    let add = "caller add shop --allow AuthService/ValidateSession,AuthService/CreateSession \
               --identity spiffe://example.org/shop --identity dns:Shop.example.org \
               --identity dns:shop.example.org";
    let first = key(&run(&store, add).await);
    let second = key(&run(&store, "caller rotate shop --overlap 24h").await);
    assert_ne!(first.id(), second.id());

    let listed = run(&store, "caller list").await;
    assert_eq!(listed.code(), Some(0));
    for part in [
        "shop  added 20",
        "allow     vestibule.v1.AuthService/CreateSession",
        "allow     vestibule.v1.AuthService/ValidateSession",
        "identity  spiffe://example.org/shop",
        "identity  dns:shop.example.org",
        &format!("key       {}  created 20", first.id()),
        &format!("key       {}  created 20", second.id()),
        "expires 20",
        "expires never",
    ] {
        assert!(listed.stdout.contains(part), "{part} in {}", listed.stdout);
    }
    assert!(!listed.output.contains("vck_"));
    let sql = store.sql().await;
    let hashes = "SELECT COUNT(*) FROM caller_keys WHERE LENGTH(secret_hash) = 32";
    assert_eq!(number(&sql, hashes).await, 2);

    let again = run(&store, add).await;
    assert_eq!((again.code(), again.stdout.as_str()), (Some(1), ""));
    assert!(
        again.stderr.contains("`vestibule caller rotate shop`"),
        "{again:?}"
    );
    let same = "caller add mail --allow AuthService/ValidLogin --identity dns:shop.example.org";
    assert_eq!(run(&store, same).await.code(), Some(1));

    let removed = run(&store, "caller remove shop").await;
    assert_eq!(
        (removed.code(), removed.stdout.as_str()),
        (Some(0), "removed shop\n")
    );
    for line in ["caller remove shop", "caller rotate shop"] {
        let unknown = run(&store, line).await;
        assert_eq!(unknown.code(), Some(1));
        assert!(
            unknown.stderr.contains("there is no caller shop"),
            "{unknown:?}"
        );
    }
    // CallerAdded and CallerRemoved, once each; what was not done is no event.
    let events = format!(
        "SELECT caller AS text FROM {}",
        events_of(&[EventKind::CallerAdded, EventKind::CallerRemoved])
    );
    assert_eq!(store.texts(&events).await, ["shop", "shop"]);
    assert_eq!(store.rows("events").await, 2);
}

async fn a_grant_that_names_no_method_is_a_fault_of_usage(database: Database) {
    let store = Store::new(database).await;
    for method in [
        "UserService/*",
        "*",
        "AuthService/*",
        "AuthService/NoSuchMethod",
        "grpc.health.v1.Health/Check",
    ] {
        let line = format!("caller add shop --allow AuthService/ValidLogin,{method}");
        let refused = run(&store, &line).await;
        assert_eq!((refused.code(), refused.stdout.as_str()), (Some(64), ""));
        assert!(refused.stderr.contains("no wildcard"), "{}", refused.stderr);
    }
}

async fn without_tables_nothing_is_done_and_that_is_said(database: Database) {
    let store = Store::empty(database).await;
    for line in [
        "caller add shop --allow AuthService/ValidLogin",
        "caller list",
    ] {
        let refused = run(&store, line).await;
        assert_eq!((refused.code(), refused.stdout.as_str()), (Some(1), ""));
        assert!(
            refused.stderr.contains("vestibule migrate up"),
            "{}",
            refused.stderr
        );
    }
}
