//! `vestibule restored`: what a backup has of secrets opens nothing after it.

use std::{path::Path, sync::Arc, time::Duration};

use tokio::process::Command;
use tonic::Code;
use vestibule::{
    domain::{Clock, MailPurpose, TokenPurpose},
    proto::v1::{SessionStatus, UpdateUserRequest},
};

use crate::harness::{
    Database, Fault, Finished, Issue, PASSWORD, Plan, Postgres, Server, ServerProcess, Store,
    TestUser, email, mail_request, number, phrase,
};

on_both_databases!(
    what_a_backup_has_of_secrets_opens_nothing_after_it,
    without_consent_it_says_what_it_would_do_and_changes_nothing,
);

const EVERY_METHOD: [&str; 3] = [
    "vestibule.v1.UserService/FindUser",
    "vestibule.v1.UserService/UpdateUser",
    "vestibule.v1.UserService/RevokeUserSessions",
];

async fn run(store: &Store, line: &str) -> Finished {
    let arguments: Vec<&str> = line.split(' ').collect();
    ServerProcess::run_over(store, &arguments).await
}

/// A backup, restored by the steps of docs/operations.md.
async fn restored_copy(app: &Server, database: Database, folder: &Path) -> Store {
    let file = folder.join("backup");
    let file = file.to_str().unwrap();
    match database {
        Database::Sqlite => {
            let copied = run(&app.store, &format!("backup {file}")).await;
            assert_eq!(copied.code(), Some(0), "{copied:?}");
            Store::sqlite(file.into())
        }
        Database::Postgres => {
            let empty = Store::empty(Database::Postgres).await;
            let dump = ["--format=custom", "--file", file, &app.store.url];
            let restore = [
                "--no-owner",
                "--exit-on-error",
                "--dbname",
                &empty.url,
                file,
            ];
            for (program, arguments) in [("pg_dump", &dump[..]), ("pg_restore", &restore)] {
                let program = Command::new(Postgres::program(program));
                let done = { program }.args(arguments).output().await.unwrap();
                assert!(done.status.success(), "{done:?}");
            }
            empty
        }
    }
}

/// Each kind of secret that a database recognises.
struct Secrets {
    owner: TestUser,
    sessions: Vec<String>,
    tokens: Vec<(TokenPurpose, String)>,
    etag: String,
    /// Keys of callers: current and kept, rotated away, of a caller that is not kept.
    keys: [String; 3],
}

async fn make_secrets(app: &Server) -> Secrets {
    let owner = app.owner().await;
    let rotated = app.session_of(&owner.email).await;
    let current = app.grpc().rotated(&rotated).await;
    let mut tokens = Vec::new();
    for purpose in [
        TokenPurpose::PasswordReset,
        TokenPurpose::EmailVerification,
        TokenPurpose::EmailChange,
        TokenPurpose::EmailRestore,
    ] {
        let issue = Issue {
            new_email: (purpose != TokenPurpose::PasswordReset).then(email),
            ..Issue::of(purpose)
        };
        tokens.push((purpose, app.issue(&owner.email, issue).await));
    }
    let later = Clock::system().now() + Duration::from_hours(1);
    let request = mail_request(&owner.email, MailPurpose::PasswordReset, later);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    let _ = app.db.request_mail(request, 1_000, deadline).await.unwrap();
    let rotated_away = app.caller("shop", &EVERY_METHOD).await;
    let shop = run(&app.store, "caller rotate shop --overlap 24h").await;
    let desk = app.caller("desk", &EVERY_METHOD).await;
    let key = shop.stdout.trim_end().to_owned();
    let user = app.users_as(&key).find(&owner.id).await.unwrap();
    Secrets {
        sessions: vec![owner.token.clone(), rotated, current],
        etag: user.etag,
        owner,
        tokens,
        keys: [key, rotated_away, desk],
    }
}

/// (A5) (Z5) Each kind of secret was live when the backup was made; every one is tried.
async fn what_a_backup_has_of_secrets_opens_nothing_after_it(database: Database) {
    let app = Server::start(database).await;
    let secrets = make_secrets(&app).await;
    let folder = tempfile::tempdir().unwrap();
    let store = restored_copy(&app, database, folder.path()).await;
    // Twice: it may be repeated.
    for _ in 0..2 {
        let done = run(&store, "restored --keep-callers shop --yes").await;
        assert_eq!(done.code(), Some(0), "{done:?}");
        assert!(done.stdout.contains("of 1 users"), "{done:?}");
    }
    let app = Plan::over(Arc::new(store)).start().await;

    for session in &secrets.sessions {
        let verdict = app.grpc().verdict(session).await;
        assert_eq!(verdict, SessionStatus::Revoked);
    }
    for (purpose, token) in &secrets.tokens {
        let redeemed = app.account().redeem(*purpose, token, &phrase()).await;
        let fault = Fault::from(redeemed);
        assert_eq!(fault.reason, "TOKEN_INVALID", "{purpose:?}");
    }
    assert_eq!(
        app.store
            .rows("mail_intents WHERE next_try IS NOT NULL")
            .await,
        0
    );
    let [kept, rotated_away, removed] = secrets.keys;
    for key in [rotated_away, removed] {
        let refused = app.users_as(&key).find(&secrets.owner.id).await;
        let fault = Fault::from(refused);
        let meaning = (Code::Unauthenticated, "CALLER_UNAUTHENTICATED");
        assert_eq!(fault.meaning(), meaning);
    }
    let users = app.users_as(&kept);
    let edit = UpdateUserRequest {
        user_id: secrets.owner.id.clone(),
        email_verified: Some(true),
        etag: secrets.etag,
        ..UpdateUserRequest::default()
    };
    let fault = Fault::from(users.update(edit).await);
    assert_eq!(fault.reason, "ETAG_MISMATCH");
    assert!(app.grpc().is_valid(&secrets.owner.email, PASSWORD).await);
    let again = app.session_of(&secrets.owner.email).await;
    assert_eq!(app.grpc().verdict(&again).await, SessionStatus::Active);
}

async fn without_consent_it_says_what_it_would_do_and_changes_nothing(database: Database) {
    let app = Server::start(database).await;
    let secrets = make_secrets(&app).await;
    for (line, part) in [
        ("restored", "repeat it with --yes"),
        ("restored --keep-callers nobody --yes", "no caller nobody"),
        ("restored --keep-callers shop", "repeat it with --yes"),
        ("restored --keep-callers none", "repeat it with --yes"),
    ] {
        let refused = run(&app.store, line).await;
        assert_eq!(refused.code(), Some(64), "{line}: {refused:?}");
        assert!(refused.stderr.contains(part), "{line}: {refused:?}");
    }
    for line in ["restored", "restored --keep-callers shop"] {
        let plan = run(&app.store, line).await.stdout;
        for part in [
            "all sessions",
            "shop  added",
            "desk  added",
            "  key  ",
            "--keep-callers",
        ] {
            assert!(plan.contains(part), "{plan}");
        }
    }
    let sql = app.store.sql().await;
    let epochs = "SELECT COUNT(*) FROM users WHERE session_epoch > 0";
    assert_eq!(number(&sql, epochs).await, 0);
    for session in &secrets.sessions {
        let verdict = app.grpc().verdict(session).await;
        assert_eq!(verdict, SessionStatus::Active);
    }
    for key in &secrets.keys {
        assert!(app.users_as(key).find(&secrets.owner.id).await.is_ok());
    }
    let done = run(&app.store, "restored --yes").await;
    assert_eq!(done.code(), Some(0), "{done:?}");
    assert_eq!(app.store.rows("callers").await, 0);
}
