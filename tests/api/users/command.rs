//! `vestibule users` and `vestibule sessions`, as operators use them, beside a server that serves.

use std::time::Duration;

use tokio::time::Instant;
use vestibule::{
    domain::{Clock, MailPurpose},
    proto::v1::SessionStatus,
};

use super::NOBODY;
use crate::harness::{
    Database, EventKind, Fault, Finished, PASSWORD, Server, ServerProcess, Store, email, events_of,
    mail_request,
};

on_both_databases!(
    a_user_is_shown_without_any_secret,
    a_user_is_disabled_enabled_ended_and_deleted_on_the_command_line,
    who_is_not_there_is_exit_1,
    nothing_is_erased_or_ended_unless_it_is_meant,
    all_sessions_and_requests_of_all_users_end,
    without_tables_nothing_is_done_and_that_is_said,
);

async fn run(store: &Store, line: &str) -> Finished {
    let arguments: Vec<&str> = line.split(' ').collect();
    ServerProcess::run_over(store, &arguments).await
}

/// The answer of a command that did what it should.
async fn done(store: &Store, line: &str) -> String {
    let finished = run(store, line).await;
    assert_eq!(finished.code(), Some(0), "{}", finished.output);
    finished.stdout
}

async fn a_user_is_shown_without_any_secret(app: Server) {
    let owner = app.owner().await;
    let by_id = done(&app.store, &format!("users show {}", owner.id)).await;
    let line = format!("users show {}", owner.email.to_uppercase());
    let by_email = done(&app.store, &line).await;
    assert_eq!(by_id, by_email);
    let lines: Vec<&str> = by_id.lines().collect();
    for (line, expected) in lines.iter().zip([
        format!("id:             {}", owner.id),
        format!("email:          {}", owner.email),
        "email verified: no".to_owned(),
        "status:         active".to_owned(),
        "password:       set".to_owned(),
        "registered:     20".to_owned(),
        "changed:        20".to_owned(),
        "etag:           1".to_owned(),
    ]) {
        assert!(line.starts_with(&expected), "{line}");
    }
    assert_eq!(lines.len(), 8);
    assert!(!by_id.contains("$argon2") && !by_id.contains("vst_"));
}

async fn a_user_is_disabled_enabled_ended_and_deleted_on_the_command_line(app: Server) {
    let owner = app.owner().await;
    let verdict = async || app.grpc().verdict(&owner.token).await;
    let answer = done(&app.store, &format!("users disable {}", owner.email)).await;
    assert_eq!(answer, format!("disabled {}\n", owner.id));
    assert_eq!(verdict().await, SessionStatus::UserDisabled);
    assert!(!app.grpc().is_valid(&owner.email, PASSWORD).await);
    done(&app.store, &format!("users enable {}", owner.id)).await;
    assert_eq!(verdict().await, SessionStatus::Revoked);
    let session = app.session_of(&owner.email).await;
    done(
        &app.store,
        &format!("users revoke-sessions {}", owner.email),
    )
    .await;
    assert_eq!(app.grpc().verdict(&session).await, SessionStatus::Revoked);
    done(&app.store, &format!("users delete {} --yes", owner.email)).await;
    assert_eq!(verdict().await, SessionStatus::NotFound);
    assert!(!app.grpc().is_valid(&owner.email, PASSWORD).await);
    assert_eq!(app.store.rows("erased_users").await, 1);
    // UserDisabled, UserEnabled, SessionsRevoked, UserDeleted; by no caller.
    let events = format!(
        "{} AND caller IS NULL",
        events_of(&[
            EventKind::SessionsRevoked,
            EventKind::UserDisabled,
            EventKind::UserEnabled,
            EventKind::UserDeleted
        ])
    );
    assert_eq!(app.store.rows(&events).await, 4);
}

async fn who_is_not_there_is_exit_1(app: Server) {
    let nobody = email();
    for step in ["show", "disable", "enable", "revoke-sessions", "delete"] {
        for name in [NOBODY, &nobody] {
            let finished = run(&app.store, &format!("users {step} {name}")).await;
            assert_eq!((finished.code(), finished.stdout.as_str()), (Some(1), ""));
            assert!(
                finished.stderr.contains("no such user"),
                "{}",
                finished.stderr
            );
        }
    }
    let finished = run(&app.store, "users show ada").await;
    assert_eq!(finished.code(), Some(64));
}

async fn nothing_is_erased_or_ended_unless_it_is_meant(app: Server) {
    let owner = app.owner().await;
    for line in [
        &format!("users delete {}", owner.id),
        "sessions revoke --all",
    ] {
        let asked = run(&app.store, line).await;
        assert_eq!((asked.code(), asked.stdout.as_str()), (Some(64), ""));
        assert!(asked.stderr.contains("--yes"), "{}", asked.stderr);
    }
    assert_eq!(
        run(&app.store, "sessions revoke --yes").await.code(),
        Some(64)
    );
    assert_eq!(
        app.grpc().verdict(&owner.token).await,
        SessionStatus::Active
    );
}

/// More users than one transaction takes.
async fn all_sessions_and_requests_of_all_users_end(app: Server) {
    const MORE: usize = 1_100;
    let owners = [app.owner().await, app.owner().await];
    let id = match app.store.target {
        vestibule::db::Target::Sqlite(_) => "randomblob(16)",
        vestibule::db::Target::Postgres { .. } => "gen_random_uuid()",
    };
    let many = format!(
        "INSERT INTO users (id, email, email_key, password_scheme, status, session_epoch, version, \
         created_at, updated_at) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n \
         WHERE i < {MORE}) SELECT {id}, 'canary' || i, 'canary' || i, 1, 1, 0, 1, 0, 0 FROM n"
    );
    app.store.execute(&many).await;
    let reset = app.reset_token(&owners[0].email).await;
    let later = Clock::system().now() + Duration::from_hours(1);
    let _ = app
        .db
        .request_mail(
            mail_request(&owners[1].email, MailPurpose::PasswordReset, later),
            1_000,
            Instant::now() + Duration::from_secs(30),
        )
        .await
        .unwrap();
    let answer = done(&app.store, "sessions revoke --all --yes").await;
    let redeemed = app.account().reset_password(&reset, PASSWORD).await;
    assert_eq!(Fault::from(redeemed).reason, "TOKEN_INVALID");
    let waits = "mail_intents WHERE next_try IS NOT NULL";
    assert_eq!(app.store.rows(waits).await, 0);
    let users = MORE + owners.len();
    assert_eq!(answer, format!("ended all sessions of {users} users\n"));
    for owner in &owners {
        assert_eq!(
            app.grpc().verdict(&owner.token).await,
            SessionStatus::Revoked
        );
        app.session_of(&owner.email).await;
    }
    let raised = app.store.rows("users WHERE session_epoch = 1").await;
    assert_eq!(raised, users);
    let events = format!(
        "{} AND user_id IS NULL",
        events_of(&[EventKind::SessionsRevoked])
    );
    assert_eq!(app.store.rows(&events).await, 1);
    // Users who come between two batches are met once at most.
    done(&app.store, "sessions revoke --all --yes").await;
    assert_eq!(app.store.rows("users WHERE session_epoch = 2").await, users);
}

async fn without_tables_nothing_is_done_and_that_is_said(database: Database) {
    let store = Store::empty(database).await;
    for line in [
        &format!("users show {NOBODY}"),
        "sessions revoke --all --yes",
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
