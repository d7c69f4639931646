//! Whoever is imported logs in, whatever their hash was made by.

use super::{Import, line};
use crate::{
    harness::{EventKind, PASSWORD, Server, email, events_of},
    imported::{FORMATS, OF_LONG, OF_NFD, OF_SIX, await_own, long},
};

on_both_databases!(
    whoever_came_in_json_lines_logs_in_and_is_rehashed,
    whoever_came_in_comma_separated_values_logs_in_and_is_rehashed,
);

/// Address, hash and password of users of every format, passwords among them that could not be set
/// here: 6 characters, decomposed, 80 bytes of which bcrypt read 72.
fn everybody() -> Vec<(String, &'static str, String)> {
    let formats = FORMATS.map(|hash| (email(), hash, PASSWORD.to_owned()));
    let others = [
        (email(), OF_SIX, "canary".to_owned()),
        (email(), OF_NFD, "cafe\u{301} canary".to_owned()),
        (email(), OF_LONG, long()),
    ];
    formats.into_iter().chain(others).collect()
}

async fn assert_all_log_in(app: &Server, users: &[(String, &str, String)]) {
    for (address, hash, password) in users {
        let wrong = "a canary sings at ten";
        assert!(!app.grpc().is_valid(address, wrong).await, "{hash}");
        if *hash == OF_LONG {
            assert!(app.grpc().is_valid(address, password).await);
        } else {
            await_own(app, address, password).await;
        }
    }
    // UserImported, one for each.
    let events = format!(
        "SELECT 'x' AS text FROM {} AND user_id IN (SELECT id FROM users)",
        events_of(&[EventKind::UserImported])
    );
    assert_eq!(app.store.texts(&events).await.len(), users.len());
}

async fn whoever_came_in_json_lines_logs_in_and_is_rehashed(app: Server) {
    let users = everybody();
    let lines: Vec<_> = users.iter().map(|user| line(&user.0, user.1)).collect();
    let told = Import::of_lines(&lines).run_whole(&app.store).await;
    assert_eq!(told.stdout, "imported 17 users, refused 0 rows\n");
    assert_all_log_in(&app, &users).await;
}

/// Quoted where it must be: argon2's parameters have commas.
async fn whoever_came_in_comma_separated_values_logs_in_and_is_rehashed(app: Server) {
    let users = everybody();
    let rows = users
        .iter()
        .map(|(address, hash, _)| format!("\"{hash}\",{address}\r\n"));
    let content = format!("password_hash,email\r\n{}", rows.collect::<String>());
    let told = Import::of("users.csv", content).run_whole(&app.store).await;
    assert_eq!(told.stdout, "imported 17 users, refused 0 rows\n");
    assert_all_log_in(&app, &users).await;
}
