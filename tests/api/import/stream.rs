//! `UserService.ImportUsers`: the same rows from a named caller.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use prost_types::Timestamp;
use tokio::time::Instant;
use tonic::Code;
use vestibule::{
    auth::Callers,
    domain::{CallerName, Clock},
    proto::v1::{ErrorReason, ImportUsersRequest, ImportUsersResponse, ImportedUser, UserStatus},
};

use crate::{
    harness::{EventKind, Fault, PASSWORD, Server, email, events_of, eventually, within},
    imported::{FORMATS, OF_SIX, await_own},
};

on_both_databases!(
    users_of_a_stream_log_in,
    a_stream_that_shall_write_nothing_refuses_the_same,
    refused_rows_are_told_up_to_a_thousand,
    a_message_over_the_limit_ends_the_stream_and_what_was_written_stays,
    a_stream_lasts_no_longer_than_its_callers_key,
);

/// Nothing here takes that long: less than a stream may be silent.
const LIMIT: Duration = Duration::from_secs(25);

fn user(email: &str, hash: &str) -> ImportedUser {
    ImportedUser {
        email: email.into(),
        password_hash: hash.into(),
        ..ImportedUser::default()
    }
}

fn message(users: Vec<ImportedUser>) -> ImportUsersRequest {
    ImportUsersRequest {
        validate_only: false,
        users,
    }
}

/// Row, field and reason of every fault.
fn faults(answer: &ImportUsersResponse) -> Vec<(u64, &str, ErrorReason)> {
    let rows = answer.refused_rows.iter();
    let faults = rows.flat_map(|row| row.faults.iter().map(|fault| (row.row, fault)));
    faults
        .map(|(row, fault)| (row, fault.field.as_str(), fault.reason()))
        .collect()
}

/// More messages than one, and rows for more transactions than one.
async fn users_of_a_stream_log_in(app: Server) {
    let users = app.users().await;
    let [first, six, kept] = [email(), email(), email()];
    let id = "0b2e5c1a-4b7e-4cc3-98c4-dc0c0c07398f";
    let kept_user = ImportedUser {
        id: id.into(),
        email_verified: true,
        created_at: Some(Timestamp {
            seconds: 1_551_675_967,
            nanos: 89_123_000,
        }),
        status: UserStatus::Disabled.into(),
        ..user(&kept, FORMATS[0])
    };
    let mut messages = vec![message(vec![user(&first, FORMATS[3]), kept_user])];
    for _ in 0..6 {
        let many = (0..100).map(|_| user(&email(), FORMATS[0])).collect();
        messages.push(message(many));
    }
    messages.push(message(vec![user(&six, OF_SIX), user(&first, OF_SIX)]));
    let answer = users.import(messages).await.unwrap();
    assert_eq!((answer.imported_count, answer.refused_count), (603, 1));
    assert_eq!(faults(&answer), [(604, "email", ErrorReason::EmailTaken)]);
    await_own(&app, &first, PASSWORD).await;
    await_own(&app, &six, "canary").await;
    let stored = app.stored(&kept).await;
    assert_eq!(stored.id.to_string(), id);
    assert_eq!(stored.created_at.timestamp_micros(), 1_551_675_967_089_123);
    assert!(stored.email_verified_at.is_some());
    assert!(!app.grpc().is_valid(&kept, PASSWORD).await);
    // UserImported, by the caller's name.
    let events = format!(
        "SELECT DISTINCT caller AS text FROM {}",
        events_of(&[EventKind::UserImported])
    );
    assert_eq!(app.store.texts(&events).await, ["desk"]);
    let nothing = users.import(Vec::new()).await.unwrap();
    assert_eq!(nothing, ImportUsersResponse::default());
}

async fn a_stream_that_shall_write_nothing_refuses_the_same(app: Server) {
    let users = app.users().await;
    let here = app.grpc().registered().await;
    let first = email();
    let wrong = ImportedUser {
        id: "canary".into(),
        created_at: Some(Timestamp {
            seconds: i64::MAX,
            nanos: 0,
        }),
        status: 77,
        ..ImportedUser::default()
    };
    let with_id = ImportedUser {
        id: here.id.clone(),
        ..user(&here.email, FORMATS[0])
    };
    let rows = vec![user(&first, FORMATS[0]), wrong, with_id];
    let again = vec![user(&first, FORMATS[0]), user(&email(), "canary")];
    let mut messages = vec![message(rows), message(again)];
    messages[0].validate_only = true;
    let events = app.store.rows("events").await;
    let dry = users.import(messages.clone()).await.unwrap();
    assert_eq!(app.store.rows("users").await, 1);
    assert_eq!(app.store.rows("events").await, events);
    let expected = [
        (2, "id", ErrorReason::InvalidField),
        (2, "email", ErrorReason::InvalidEmail),
        (2, "password_hash", ErrorReason::InvalidField),
        (2, "created_at", ErrorReason::InvalidField),
        (2, "status", ErrorReason::InvalidField),
        (3, "id", ErrorReason::InvalidField),
        (3, "email", ErrorReason::EmailTaken),
        (4, "email", ErrorReason::EmailTaken),
        (5, "password_hash", ErrorReason::InvalidField),
    ];
    assert_eq!(faults(&dry), expected);
    assert!(!format!("{dry:?}").contains("canary"));
    messages[0].validate_only = false;
    assert_eq!(users.import(messages.clone()).await.unwrap(), dry);
    assert_eq!(app.store.rows("users").await, 2);

    // Too late.
    messages[1].validate_only = true;
    let fault = Fault::from(users.import(messages).await);
    assert_eq!(fault.meaning(), (Code::InvalidArgument, "INVALID_INPUT"));
    assert_eq!(fault.faults(), [("validate_only", "INVALID_FIELD")]);
}

async fn refused_rows_are_told_up_to_a_thousand(app: Server) {
    let users = app.users().await;
    let rows = |count| message((0..count).map(|_| user("canary", "canary")).collect());
    let answer = users.import(vec![rows(700), rows(400)]).await.unwrap();
    assert_eq!((answer.imported_count, answer.refused_count), (0, 1_100));
    assert_eq!(answer.refused_rows.len(), 1_000);
    assert_eq!(answer.refused_rows[999].row, 1_000);
}

/// 64 KiB.
async fn a_message_over_the_limit_ends_the_stream_and_what_was_written_stays(app: Server) {
    let users = app.users().await;
    let good = (0..500).map(|_| user(&email(), FORMATS[3])).collect();
    let large = user(&email(), &"canary".repeat(12_000));
    let outcome = users
        .import(vec![message(good), message(vec![large])])
        .await;
    let expected = (Code::ResourceExhausted, "MESSAGE_TOO_LARGE");
    assert_eq!(Fault::from(outcome).meaning(), expected);
    assert_eq!(app.store.rows("users").await, 500);
}

/// (security.md, "Named callers") A key that has leaked is replaced while it holds a stream open.
async fn a_stream_lasts_no_longer_than_its_callers_key(app: Server) {
    let users = app.users().await;
    let batch = message((0..500).map(|_| user(&email(), FORMATS[3])).collect());
    let open = stream::iter([batch]).chain(stream::pending());
    let held = tokio::spawn(async move { users.import_stream(open).await });
    let callers = Callers::new(app.db.clone(), Clock::system());
    let desk = CallerName::parse("desk").unwrap();
    let deadline = Instant::now() + LIMIT;
    eventually("the stream was let in", async || {
        app.store.rows("users").await == 500
    })
    .await;
    callers
        .rotate(desk, Duration::ZERO, deadline)
        .await
        .unwrap();
    let ended = within(LIMIT, "the stream ends", held).await.unwrap();
    let expected = (Code::Unauthenticated, "CALLER_UNAUTHENTICATED");
    assert_eq!(Fault::from(ended).meaning(), expected);
}
