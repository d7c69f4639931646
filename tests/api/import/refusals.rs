//! Rows that are refused, each by its number and with everything that is wrong with it; the others go
//! in. An import only inserts.

use serde_json::json;

use super::{Import, line, lines};
use crate::{
    harness::{Database, EventKind, PASSWORD, Server, ServerProcess, Store, email, events_of},
    imported::FORMATS,
};

on_both_databases!(
    refused_rows_are_named_with_every_fault_and_the_others_go_in,
    nobody_who_is_here_is_changed_or_merged,
    the_id_of_an_erased_user_is_never_used_again,
    a_dry_run_refuses_the_same_and_writes_nothing,
    a_second_import_refuses_everybody_of_the_first,
    without_tables_nothing_is_done_and_that_is_said,
);

const EMAIL_TAKEN: &str = "email: is another user's, who was here before or is in an earlier row";
const ID_TAKEN: &str = "id: is, or was, another user's";

/// Hashes that could not be checked, and all faults of a row at once.
async fn refused_rows_are_named_with_every_fault_and_the_others_go_in(app: Server) {
    let good = [email(), email()];
    let hash = FORMATS[0];
    let rows = [
        line(&good[0], hash),
        line(&email(), "pbkdf2:sha256:600000$canary$canary"),
        String::new(),
        line(
            &email(),
            "$2b$14$Q58qEJ7X9/4iqMNJtp6ALuimd2ZPx1V6CcTC9JnWr4wYJk1nI.h4m",
        ),
        line(&email(), "$2b$04$canary"),
        json!({"email": "canary", "password_hash": "", "id": 7, "email_verified": "canary",
            "created_at": "2999-01-01T00:00:00Z", "status": "canary", "password_nfc": "canary"})
        .to_string(),
        json!({"email": null}).to_string(),
        line(&good[1], hash),
    ];
    let finished = Import::of_lines(&rows).run(&app.store, &[]).await;
    assert_eq!(finished.code(), Some(1), "{}", finished.output);
    assert_eq!(
        lines(&finished),
        [
            "row 2, line 2: password_hash: the format is unknown",
            "row 3, line 4: password_hash: the cost or a length is outside the caps",
            "row 4, line 5: password_hash: the text is damaged",
            "row 5, line 6: id: must be a UUID; \
             email: must be an e-mail address of at most 254 bytes, such as ada@example.com; \
             password_hash: the format is unknown; password_nfc: must be true or false; \
             email_verified: must be true or false; created_at: must not be in the future; \
             status: must be active or disabled",
            "row 6, line 7: email: is missing; password_hash: is missing",
            "imported 2 users, refused 5 rows",
        ]
    );
    assert_eq!(app.store.rows("users").await, 2);
    for address in good {
        assert!(app.grpc().is_valid(&address, PASSWORD).await);
    }
}

/// An address in another spelling, an id, both; before and in the same file.
async fn nobody_who_is_here_is_changed_or_merged(app: Server) {
    let user = app.grpc().registered().await;
    let before = format!("{:?}", app.stored(&user.email).await);
    let hash = app.stored_hash(&user.email).await;
    let (first, id) = (email(), "0b2e5c1a-4b7e-4cc3-98c4-dc0c0c07398f");
    let with_id =
        |id: &str, email: &str| json!({"id": id, "email": email, "password_hash": FORMATS[0]});
    let rows = [
        line(&user.email.to_uppercase(), FORMATS[0]),
        with_id(&user.id, &email()).to_string(),
        with_id(&user.id, &user.email).to_string(),
        with_id(id, &first).to_string(),
        line(&first.to_uppercase(), FORMATS[1]),
        with_id(id, &email()).to_string(),
        with_id(id, &first).to_string(),
        // What a refused row had is still free.
        with_id("0b2e5c1a-4b7e-4cc3-98c4-dc0c0c073990", &user.email).to_string(),
        with_id("0b2e5c1a-4b7e-4cc3-98c4-dc0c0c073990", &email()).to_string(),
    ];
    let finished = Import::of_lines(&rows).run(&app.store, &[]).await;
    assert_eq!(finished.code(), Some(1));
    assert_eq!(
        lines(&finished),
        [
            format!("row 1, line 1: {EMAIL_TAKEN}"),
            format!("row 2, line 2: {ID_TAKEN}"),
            format!("row 3, line 3: {ID_TAKEN}; {EMAIL_TAKEN}"),
            format!("row 5, line 5: {EMAIL_TAKEN}"),
            format!("row 6, line 6: {ID_TAKEN}"),
            format!("row 7, line 7: {ID_TAKEN}; {EMAIL_TAKEN}"),
            format!("row 8, line 8: {EMAIL_TAKEN}"),
            "imported 2 users, refused 7 rows".to_owned(),
        ]
    );
    assert_eq!(format!("{:?}", app.stored(&user.email).await), before);
    assert_eq!(app.stored_hash(&user.email).await, hash);
    assert_eq!(app.stored_hash(&first).await.as_str(), FORMATS[0]);
    assert_eq!(app.store.rows("users").await, 3);
    // UserImported of those who were, and nothing else.
    let events = format!(
        "SELECT 'x' AS text FROM {}",
        events_of(&[EventKind::UserImported])
    );
    assert_eq!(app.store.texts(&events).await.len(), 2);
}

/// (A8) Their address is free.
async fn the_id_of_an_erased_user_is_never_used_again(app: Server) {
    let user = app.grpc().registered().await;
    app.erase(&user.id).await;
    let row = json!({"id": user.id, "email": user.email, "password_hash": FORMATS[0]});
    let rows = [row.to_string(), line(&user.email, FORMATS[0])];
    let finished = Import::of_lines(&rows).run(&app.store, &[]).await;
    assert_eq!(
        lines(&finished),
        [
            &format!("row 1, line 1: {ID_TAKEN}"),
            "imported 1 users, refused 1 rows"
        ]
    );
    assert_ne!(app.stored(&user.email).await.id.to_string(), user.id);
}

/// Over more than one batch, the second of which repeats the first.
async fn a_dry_run_refuses_the_same_and_writes_nothing(app: Server) {
    let user = app.grpc().registered().await;
    let erased = app.grpc().registered().await;
    app.erase(&erased.id).await;
    let mut rows: Vec<_> = (0..501).map(|_| line(&email(), FORMATS[0])).collect();
    let id = "0b2e5c1a-4b7e-4cc3-98c4-dc0c0c07398f";
    let with_id = |id: &str| json!({"id": id, "email": email(), "password_hash": FORMATS[0]});
    rows[0] = with_id(id).to_string();
    rows[1] = line(&user.email, FORMATS[0]);
    rows[2] = with_id(&erased.id).to_string();
    rows[3] = line(&email(), "canary");
    rows.extend([rows[4].clone(), with_id(id).to_string(), rows[5].clone()]);
    // What a refused row of the same batch had is still free.
    let (taken, other) = (email(), "0b2e5c1a-4b7e-4cc3-98c4-dc0c0c073990");
    rows[6] = line(&taken, FORMATS[0]);
    let refused = json!({"id": other, "email": taken, "password_hash": FORMATS[0]});
    rows.extend([refused.to_string(), with_id(other).to_string()]);
    let tables = ["users", "events", "erased_users"];
    let count = async || {
        let mut counts = Vec::new();
        for table in tables {
            counts.push(app.store.rows(table).await);
        }
        counts
    };
    let before = count().await;
    let import = Import::of_lines(&rows);
    let dry = import.run(&app.store, &["--dry-run"]).await;
    assert_eq!(dry.code(), Some(1), "{}", dry.output);
    assert_eq!(count().await, before);
    let wet = import.run(&app.store, &[]).await;
    let (dry, wet) = (lines(&dry), lines(&wet));
    assert_eq!(dry.len(), 8, "{dry:#?}");
    assert_eq!(dry[..7], wet[..7]);
    assert_eq!(dry[7], "would import 499 users, refused 7 rows");
    assert_eq!(wet[7], "imported 499 users, refused 7 rows");
    assert_eq!(app.store.rows("users").await, 500);
}

async fn a_second_import_refuses_everybody_of_the_first(app: Server) {
    let rows: Vec<_> = (0..3).map(|_| line(&email(), FORMATS[0])).collect();
    let import = Import::of_lines(&rows);
    import.run_whole(&app.store).await;
    let again = import.run(&app.store, &[]).await;
    assert_eq!(again.code(), Some(1));
    assert_eq!(lines(&again)[3], "imported 0 users, refused 3 rows");
}

async fn without_tables_nothing_is_done_and_that_is_said(database: Database) {
    let store = Store::empty(database).await;
    let import = Import::of_lines(&[line(&email(), FORMATS[0])]);
    let exported = ServerProcess::run_over(&store, &["users", "export"]).await;
    for refused in [import.run(&store, &[]).await, exported] {
        assert_eq!(refused.code(), Some(1));
        assert!(
            refused.stderr.contains("vestibule migrate up"),
            "{refused:?}"
        );
    }
}
