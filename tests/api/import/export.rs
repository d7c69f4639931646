//! Moving out: what is written, for whom, and that it moves in again.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use serde_json::Value;

use super::{Import, line, lines};
use crate::{
    harness::{PASSWORD, Server, ServerProcess, email},
    imported::{FORMATS, OF_LONG, OF_NFD, OF_SIX, long},
};

on_both_databases!(
    an_export_holds_no_hash_unless_it_is_asked_for,
    hashes_go_into_a_new_file_of_the_owner_alone,
    everybody_who_moves_out_can_move_in_elsewhere,
);

fn objects(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

async fn export(app: &Server, to: &Path) {
    let to = to.to_str().unwrap();
    let arguments = ["users", "export", to, "--with-password-hashes"];
    let finished = ServerProcess::run_over(&app.store, &arguments).await;
    assert_eq!(finished.code(), Some(0), "{}", finished.output);
}

async fn an_export_holds_no_hash_unless_it_is_asked_for(app: Server) {
    let user = app.grpc().registered().await;
    let disabled = app.grpc().registered().await;
    app.disable(&disabled.id).await;
    let finished = ServerProcess::run_over(&app.store, &["users", "export"]).await;
    assert_eq!(finished.code(), Some(0), "{}", finished.output);
    assert!(!finished.stdout.contains("$argon2"));
    let users = objects(&finished.stdout);
    assert_eq!(users.len(), 2);
    let created_at = app.stored(&user.email).await.created_at;
    let created_at = created_at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    assert_eq!(
        users[0],
        serde_json::json!({
            "id": user.id, "email": user.email, "email_verified": false,
            "created_at": created_at, "status": "active",
        })
    );
    assert_eq!(users[1]["status"], "disabled");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("users.jsonl");
    let to_file = ["users", "export", file.to_str().unwrap()];
    let written = ServerProcess::run_over(&app.store, &to_file).await;
    assert_eq!((written.code(), written.stdout.as_str()), (Some(0), ""));
    assert_eq!(fs::read_to_string(&file).unwrap(), finished.stdout);
}

async fn hashes_go_into_a_new_file_of_the_owner_alone(app: Server) {
    let user = app.grpc().registered().await;
    let nowhere = ["users", "export", "--with-password-hashes"];
    let refused = ServerProcess::run_over(&app.store, &nowhere).await;
    assert_eq!((refused.code(), refused.stdout.as_str()), (Some(64), ""));

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("users.jsonl");
    export(&app, &file).await;
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = fs::read_to_string(&file).unwrap();
    let hash = app.stored_hash(&user.email).await;
    assert_eq!(objects(&text)[0]["password_hash"], hash.as_str());
    assert_eq!(objects(&text)[0]["password_nfc"], true);

    // Never over a file that is there.
    let again = [
        "users",
        "export",
        file.to_str().unwrap(),
        "--with-password-hashes",
    ];
    let again = ServerProcess::run_over(&app.store, &again).await;
    assert_eq!(again.code(), Some(1), "{}", again.output);
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    let elsewhere = folder.path().join("no/such.jsonl");
    let lost = ["users", "export", elsewhere.to_str().unwrap()];
    assert_eq!(
        ServerProcess::run_over(&app.store, &lost).await.code(),
        Some(1)
    );
}

/// Over more than one batch: whoever registered here, in whatever form they typed it, and whoever
/// came from elsewhere and never logged in.
async fn everybody_who_moves_out_can_move_in_elsewhere(app: Server) {
    let nfd = "cafe\u{301} canary";
    let (here, composed) = (app.grpc().registered().await, email());
    app.grpc().register(&composed, nfd).await.unwrap();
    let others = [
        (email(), FORMATS[3], PASSWORD.to_owned()),
        (email(), OF_SIX, "canary".to_owned()),
        (email(), OF_NFD, nfd.to_owned()),
        (email(), OF_LONG, long()),
    ];
    let mut rows: Vec<_> = others.iter().map(|user| line(&user.0, user.1)).collect();
    rows.extend((0..500).map(|_| line(&email(), FORMATS[0])));
    Import::of_lines(&rows).run_whole(&app.store).await;
    let disabled = app.grpc().registered().await;
    app.disable(&disabled.id).await;

    let import = Import::of("users.jsonl", "");
    fs::remove_file(&import.file).unwrap();
    export(&app, &import.file).await;
    let elsewhere = Server::start(match app.store.target {
        vestibule::db::Target::Sqlite(_) => crate::harness::Database::Sqlite,
        vestibule::db::Target::Postgres { .. } => crate::harness::Database::Postgres,
    })
    .await;
    let told = import.run_whole(&elsewhere.store).await;
    assert_eq!(lines(&told), ["imported 507 users, refused 0 rows"]);

    let grpc = elsewhere.grpc();
    assert!(grpc.is_valid(&here.email, PASSWORD).await);
    assert!(grpc.is_valid(&composed, nfd).await);
    assert!(grpc.is_valid(&composed, "caf\u{e9} canary").await);
    for (address, hash, password) in &others {
        assert!(grpc.is_valid(address, password).await, "{hash}");
    }
    assert!(!grpc.is_valid(&disabled.email, PASSWORD).await);
    let (was, is) = (
        app.stored(&here.email).await,
        elsewhere.stored(&here.email).await,
    );
    assert_eq!((was.id, was.created_at), (is.id, is.created_at));
    assert_eq!(was.password_scheme, is.password_scheme);
}
