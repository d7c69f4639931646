//! Files that are no such files: line and reason are named, what can be read goes in.

use std::{fmt::Write, fs};

use super::{Import, line, lines};
use crate::{
    harness::{Database, ServerProcess, Store, email},
    imported::FORMATS,
};

const HASH: &str = "$2y$04$XsPTdI8MvpI8dnz.1Q1BCeTQisuF/SG24Fxo7/sTogQSji98NHHzq";

async fn store() -> Store {
    let store = Store::empty(Database::Sqlite).await;
    let migrated = ServerProcess::run_over(&store, &["migrate", "up"]).await;
    assert_eq!(migrated.code(), Some(0), "{}", migrated.output);
    store
}

#[tokio::test]
async fn a_line_that_is_no_object_is_refused_alone() {
    let store = store().await;
    let mut content = format!("\u{feff}{}\r\n", line(&email(), FORMATS[0])).into_bytes();
    content.extend(b"{\"email\": \"canary\xff@example.com\"}\n");
    content.extend(b"{\"email\": \"canary@example.com\", \"password_ha\n");
    content.extend(b"[\"canary\"]\n\"canary\"\nnull\n{}{}\n");
    content.extend(b"{\"email\": {\"canary\": 1}}\n{\"email\": [\"canary\"]}\n");
    content.extend(b"{\"emailVerified\": true}\n{\"email\": null, \"email\": \"canary\"}\n");
    content.extend(format!("{{\"email\": \"{}\"}}\n", "canary".repeat(20_000)).bytes());
    content.extend(line(&email(), FORMATS[0]).bytes());
    let finished = Import::of("users.jsonl", content).run(&store, &[]).await;
    assert_eq!(finished.code(), Some(1), "{}", finished.output);
    let told = lines(&finished);
    for (line, why) in [
        (2, "is not UTF-8"),
        (
            3,
            "is no JSON object of fields: EOF while parsing a string at column 44",
        ),
        (4, "is no JSON object"),
        (5, "is no JSON object"),
        (6, "is no JSON object"),
        (
            7,
            "is no JSON object of fields: trailing characters at column 3",
        ),
        (
            8,
            "is no JSON object of fields: a field is an object at column 23",
        ),
        (
            9,
            "is no JSON object of fields: a field is a list at column 20",
        ),
        (
            10,
            "is no JSON object of fields: a field is none of id, email, password_hash, \
              password_nfc, email_verified, created_at, status at column 16",
        ),
        (
            11,
            "is no JSON object of fields: a field is there twice at column 34",
        ),
        (12, "is longer than 65536 bytes"),
    ] {
        assert_eq!(told[line - 2], format!("row {line}, line {line}: {why}"));
    }
    assert_eq!(told[11], "imported 2 users, refused 11 rows");
}

#[tokio::test]
async fn a_row_that_does_not_fit_its_columns_is_refused_alone() {
    let store = store().await;
    let mut content = b"\xef\xbb\xbfemail,password_hash\r\n".to_vec();
    content.extend(format!("{},{HASH}\r\n", email()).bytes());
    content.extend(b"canary\xff@example.com,x\r\ncanary@example.com\r\n");
    content.extend(format!("canary@example.com,{HASH},more\r\n").bytes());
    content.extend(format!("\"{}\",\"{HASH}\"\r\n", email()).bytes());
    let finished = Import::of("users.csv", content).run(&store, &[]).await;
    assert_eq!(finished.code(), Some(1), "{}", finished.output);
    assert_eq!(
        lines(&finished),
        [
            "row 2, line 3: is not UTF-8",
            "row 3, line 4: has 1 fields, and the first line 2",
            "row 4, line 5: has 3 fields, and the first line 2",
            "imported 2 users, refused 3 rows",
        ]
    );
}

/// A first line that names no columns is told by its place: it may be somebody's row. Nothing is
/// imported.
#[tokio::test]
async fn columns_that_are_missing_or_unknown_are_named() {
    let store = store().await;
    for (columns, why) in [
        ("", "there is no column email"),
        ("email", "there is no column password_hash"),
        ("password_hash,id", "there is no column email"),
        ("email,canary@example.com", "column 2 is none of id, email"),
        (
            "email,password_hash,email",
            "the column email is there twice",
        ),
        ("Email,password_hash", "column 1 is none of id, email"),
    ] {
        let content = format!("{columns}\n{},{HASH}\n", email());
        let finished = Import::of("users.csv", content).run(&store, &[]).await;
        assert_eq!(finished.code(), Some(1));
        let expected = format!("line 1: {why}");
        // A first line that is empty is none.
        let expected = if columns.is_empty() {
            "column 1 is none of"
        } else {
            &expected
        };
        assert!(
            finished.stderr.contains(expected),
            "{columns}: {finished:?}"
        );
        assert_eq!(finished.stdout, "imported 0 users, refused 0 rows\n");
    }
}

/// Closed by the end of the file, by the next quote, or never: rows before it are in, what follows is
/// part of nobody's row, and no more of it is read than a row may have.
#[tokio::test]
async fn a_quote_that_is_not_closed_in_its_line_ends_the_import_there() {
    const NEXT_LINE: &str = "line 3: a field goes on in the next line: is a quote not closed?";
    const TOO_LONG: &str = "the row is longer than 65536 bytes: is a quote not closed?";
    let store = store().await;
    let cases = [
        ("\"", 20, "", NEXT_LINE),
        ("\"", 20, "\"", NEXT_LINE),
        ("\"canary", 20, "\",x\n", NEXT_LINE),
        ("\"", 2_000, "", TOO_LONG),
    ];
    for (opening, rows, closing, why) in cases {
        let mut content = format!("email,password_hash\n{},{HASH}\n{opening}", email());
        for _ in 0..rows {
            writeln!(content, "{},{HASH}", email()).unwrap();
        }
        content.push_str(closing);
        let finished = Import::of("users.csv", content).run(&store, &[]).await;
        assert_eq!(finished.code(), Some(1));
        assert_eq!(finished.stdout, "imported 1 users, refused 0 rows\n");
        assert!(finished.stderr.contains(why), "{finished:?}");
    }
    assert_eq!(store.rows("users").await, cases.len());
}

#[tokio::test]
async fn what_is_not_there_or_no_database_is_said() {
    let store = store().await;
    let import = Import::of("users.jsonl", "canary");
    for arguments in [
        &["users", "import", "/no/such.jsonl"][..],
        &["users", "import", "/no/such.csv"],
        &["users", "import", "--from-flask-db", "/no/such.db"],
        &[
            "users",
            "import",
            "--from-flask-db",
            import.file.to_str().unwrap(),
        ],
    ] {
        let finished = ServerProcess::run_over(&store, arguments).await;
        assert_eq!(finished.code(), Some(1), "{finished:?}");
        let file = arguments.last().unwrap();
        assert!(finished.stderr.contains(file), "{finished:?}");
    }
    // The file of the other service stays as it is.
    assert_eq!(fs::read(&import.file).unwrap(), b"canary");
    let beside = fs::read_dir(import.folder.path()).unwrap().count();
    assert_eq!(beside, 1);
}
