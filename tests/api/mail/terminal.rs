//! Mail where there is no mail server: on the terminal with `--dev`, and nowhere else.

use vestibule::db::Db;

use super::ask;
use crate::harness::{Database, EventKind, ServerProcess, Store, events_of, eventually};

on_both_databases!(
    dev_prints_the_link_and_no_line_of_the_log_has_it,
    without_a_mail_server_nothing_is_printed,
);

/// Registers somebody, asks for their reset, and answers what the process wrote to standard error.
async fn after_a_request(database: Database, arguments: &[&str]) -> String {
    let store = Store::empty(database).await;
    let service = ServerProcess::start(&store, arguments, &[]);
    service.await_ready().await;
    let user = service.grpc().registered().await;
    let db = Db::open(&store.settings()).unwrap();
    ask(&db, &user.email).await;
    eventually("nothing waits", async || {
        store.rows("mail_intents WHERE next_try IS NOT NULL").await == 0
    })
    .await;
    let asked = store
        .rows(&events_of(&[EventKind::PasswordResetRequested]))
        .await;
    assert_eq!(
        asked, 1,
        "the event tells callers with mailers of their own"
    );
    service.signal("INT").await;
    let ended = service.finish().await;
    assert_eq!(ended.code(), Some(0), "{}", ended.output);
    assert!(!ended.stderr.contains("canary"), "{}", ended.stderr);
    ended.stderr
}

async fn dev_prints_the_link_and_no_line_of_the_log_has_it(database: Database) {
    let told = after_a_request(database, &["--dev", "--log-format", "json"]).await;
    assert!(told.contains("development only"), "{told}");
    let link = "http://localhost:3000/reset#token=vrt_";
    assert!(told.lines().any(|line| line.starts_with(link)), "{told}");
    let mut log = told.lines().filter(|line| line.starts_with('{'));
    assert!(log.all(|line| !line.contains("vrt_")), "{told}");
}

async fn without_a_mail_server_nothing_is_printed(database: Database) {
    let told = after_a_request(database, &["--log-format", "json"]).await;
    assert!(told.lines().all(|line| line.starts_with('{')), "{told}");
    assert!(!told.contains("vrt_"), "{told}");
}
