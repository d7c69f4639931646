//! The secrets of the service itself, and the types that hold secrets.

use std::fs;

use secrecy::SecretString;
use uuid::Uuid;
use vestibule::{
    auth::{Credentials, Registration},
    db,
    domain::{
        ClientInfo, Email, HashedPassword, NewPassword, PasswordAttempt, PasswordPolicy, SessionId,
        SessionToken,
    },
};

use crate::harness::{Database, PASSWORD, Postgres, ServerProcess, Store, eventually};

/// (L5) (W48) Each way to give a secret badly, and no server starts; no fault quotes a secret.
#[tokio::test]
async fn a_secret_that_is_empty_missing_or_given_twice_starts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (good, empty, newline) = (file("good", "canary"), file("empty", ""), file("nl", "\n"));
    let missing = folder.path().join("missing").to_str().unwrap().to_owned();
    let directory = folder.path().to_str().unwrap();
    let url = ("VESTIBULE_DATABASE_URL", "postgres://v@localhost/v");
    let mut bad = Vec::new();
    for key in ["VESTIBULE_DATABASE_PASSWORD", "VESTIBULE_DATABASE_URL"] {
        let in_file = format!("{key}_FILE");
        bad.push(vec![(key.to_owned(), String::new())]);
        for path in [&empty, &newline, &missing, directory] {
            bad.push(vec![(in_file.clone(), path.to_owned())]);
        }
        bad.push(vec![
            (key.to_owned(), "canary".into()),
            (in_file, good.clone()),
        ]);
    }
    for set in &bad {
        let mut variables = vec![("HOME", directory)];
        if !set.iter().any(|(name, _)| name.starts_with(url.0)) {
            variables.push(url);
        }
        variables.extend(
            set.iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        );
        for command in [&["serve"][..], &["migrate", "up"], &["config", "check"]] {
            let ended = ServerProcess::run(command, &variables).await;
            assert_eq!(ended.code(), Some(64), "{set:?}: {}", ended.output);
            assert!(ended.output.contains("database."), "{}", ended.output);
            assert!(!ended.output.contains("canary"), "{}", ended.output);
        }
    }
}

/// (L5) What holds a secret has no `Debug` that shows it.
#[test]
fn the_debug_of_a_secret_shows_none() {
    let email = Email::parse("canary@example.com").unwrap();
    let policy = PasswordPolicy {
        min_length: 8,
        min_strength: 0,
    };
    let password = NewPassword::parse(PASSWORD, policy, Some(&email)).unwrap();
    let attempt = PasswordAttempt::parse(PASSWORD).unwrap();
    let hashed = HashedPassword::from_phc("$argon2id$canary".into());
    let token = SessionToken::new(SessionId::new(Uuid::nil()), [7; 32]);
    let client = ClientInfo::default();
    let secret = || SecretString::from("canary");
    let database = db::Target::Postgres {
        url: secret(),
        password: Some(secret()),
    };
    let printed = [
        format!("{password:?} {attempt:?} {hashed:?} {token:?} {database:?}"),
        format!("{:?} {:?} {:?}", token.secret_hash(), email, email.key()),
        format!(
            "{:?}",
            Registration {
                email: email.clone(),
                password,
                request_id: None,
                client: client.clone(),
            }
        ),
        format!(
            "{:?}",
            Credentials {
                email,
                password: attempt,
                client,
            }
        ),
    ];
    let text = token.expose();
    for line in printed {
        for secret in ["canary", "argon2", &text[4..20], &text[40..60], "7, 7"] {
            assert!(!line.contains(secret), "{secret} in {line}");
        }
    }
}

/// (W48) Postgres asks for a password, and gets it from a file; it is in no argument and no line.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_in_a_file_opens_the_database() {
    if !Postgres::is_here() {
        return;
    }
    let store = Store::empty(Database::Postgres).await;
    let role = "keeper";
    for statement in [
        "CREATE ROLE keeper LOGIN SUPERUSER PASSWORD 'canary of the keeper'",
        "SELECT pg_reload_conf()",
    ] {
        // Trusted by nobody else: the rule stands before those of the other tests' user.
        let rules = Postgres::shared().data().join("pg_hba.conf");
        let old = fs::read_to_string(&rules).unwrap();
        if !old.contains(role) {
            fs::write(&rules, format!("local all {role} scram-sha-256\n{old}")).unwrap();
        }
        store.execute(statement).await;
    }
    let store = Store::postgres(store.url.replace("postgres@", "keeper@"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    let variable = ("VESTIBULE_DATABASE_PASSWORD_FILE", file.to_str().unwrap());

    fs::write(&file, "another canary\n").unwrap();
    let refused = ServerProcess::run(
        &["migrate", "up"],
        &[("VESTIBULE_DATABASE_URL", &store.url), variable],
    )
    .await;
    assert_eq!(refused.code(), Some(1), "{}", refused.output);
    assert!(!refused.output.contains("canary"), "{}", refused.output);

    fs::write(&file, "canary of the keeper\n").unwrap();
    let service = ServerProcess::start(&store, &["--log-level", "trace"], &[variable]);
    eventually("it is ready", async || {
        service.health().check("").await == Ok(1)
    })
    .await;
    service.grpc().registered().await;
    let arguments = fs::read(format!("/proc/{}/cmdline", service.id())).unwrap();
    assert!(!String::from_utf8(arguments).unwrap().contains("canary"));
    service.signal("INT").await;
    let ended = service.finish().await;
    assert_eq!(ended.code(), Some(0), "{}", ended.output);
    assert!(!ended.output.contains("canary"), "{}", ended.output);
}
