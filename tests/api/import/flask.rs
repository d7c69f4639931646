//! The Flask service that Vestibule grew from: its SQLite file, as `SQLAlchemy` makes it.

use std::fs;

use super::{Import, lines};
use crate::{
    harness::{PASSWORD, Server, Store, email},
    imported::{FORMATS, OF_SIX, await_own},
};

on_both_databases!(users_of_the_flask_service_move_in_with_new_ids);

/// Hashes are texts or blobs there: that service stored the bytes that bcrypt gave it.
async fn users_of_the_flask_service_move_in_with_new_ids(app: Server) {
    let import = Import::of("a.db", "");
    let flask = Store::sqlite(import.file.clone());
    flask
        .execute(
            "CREATE TABLE users (id INTEGER NOT NULL, email VARCHAR(250) NOT NULL, \
             hashed_password VARCHAR(250) NOT NULL, session_id VARCHAR(250), \
             reset_token VARCHAR(250), PRIMARY KEY (id))",
        )
        .await;
    let [blob, text, six] = [email(), email(), email()];
    let bcrypt = FORMATS[3];
    for row in [
        format!("1, '{blob}', CAST('{bcrypt}' AS BLOB), 'canary', NULL"),
        format!("2, '{text}', '{bcrypt}', NULL, 'canary'"),
        format!("7, '{six}', CAST('{OF_SIX}' AS BLOB), NULL, NULL"),
        format!("8, '{}', 'canary', NULL, NULL", email()),
        format!("9, '{}', x'ff', NULL, NULL", email()),
        format!("10, '{}', '{bcrypt}', NULL, NULL", text.to_uppercase()),
    ] {
        flask
            .execute(&format!("INSERT INTO users VALUES ({row})"))
            .await;
    }
    let before = fs::read(&import.file).unwrap();

    let dry = import
        .run(&app.store, &["--dry-run", "--from-flask-db"])
        .await;
    assert_eq!(lines(&dry)[3], "would import 3 users, refused 3 rows");
    assert_eq!(app.store.rows("users").await, 0);

    let finished = import.run(&app.store, &["--from-flask-db"]).await;
    assert_eq!(finished.code(), Some(1), "{}", finished.output);
    let mut expected = Vec::new();
    for (old, address) in [(1, &blob), (2, &text), (7, &six)] {
        let user = app.stored(address).await;
        assert_eq!(user.id.uuid().get_version_num(), 7);
        expected.push(format!("id {old} is now {}", user.id));
    }
    expected.extend([
        "id 8: password_hash: the format is unknown".to_owned(),
        "id 9: is not UTF-8".to_owned(),
        "id 10: email: is another user's, who was here before or is in an earlier row".to_owned(),
        "imported 3 users, refused 3 rows".to_owned(),
    ]);
    assert_eq!(lines(&finished), expected);
    await_own(&app, &blob, PASSWORD).await;
    await_own(&app, &text, PASSWORD).await;
    await_own(&app, &six, "canary").await;
    // Neither sessions nor reset tokens come along, and the file is left as it was.
    assert_eq!(app.store.rows("sessions").await, 0);
    assert_eq!(app.store.rows("one_time_tokens").await, 0);
    assert_eq!(fs::read(&import.file).unwrap(), before);
}
