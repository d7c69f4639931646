//! Secrets: their sources, and that no fault quotes them.

use std::{fs, fs::Permissions, os::unix::fs::PermissionsExt};

use secrecy::ExposeSecret;

use super::*;
use crate::db::Target;

const POSTGRES: &str = "postgres://v@localhost/v";

/// (W48) (L5) Secrets come by file, cut of one newline; missing and empty ones are refused.
#[test]
fn a_secret_may_stand_in_a_file() {
    let secrets = |content| {
        let config = Sources::new()
            .secret_file("VESTIBULE_DATABASE_URL_FILE", &format!("{POSTGRES}\n"))
            .secret_file("VESTIBULE_DATABASE_PASSWORD_FILE", content)
            .loaded();
        match config.application.db.target {
            Target::Postgres { url, password } => {
                assert_eq!(url.expose_secret(), POSTGRES);
                password.unwrap().expose_secret().to_owned()
            }
            Target::Sqlite(path) => panic!("{}", path.display()),
        }
    };
    assert_eq!(secrets("hunter2"), "hunter2");
    assert_eq!(secrets("hunter2\n"), "hunter2");
    assert_eq!(secrets(" hunter2 \n\n"), " hunter2 \n");

    let mut by_key = Sources::new();
    let url = by_key.written("url", POSTGRES);
    let toml = format!("[database]\nurl_file = \"{}\"", url.display());
    let config = by_key.file(&toml).loaded();
    assert!(config.shown().contains("url_file = "), "{config:?}");
}

#[test]
fn a_secret_that_is_empty_missing_or_given_twice_is_a_fault() {
    let password = "VESTIBULE_DATABASE_PASSWORD";
    let file = "VESTIBULE_DATABASE_PASSWORD_FILE";
    for sources in [
        Sources::new().variable(password, ""),
        Sources::new().secret_file(file, ""),
        Sources::new().secret_file(file, "\n"),
        Sources::new().variable(file, "/nonexistent"),
        Sources::new().variable(file, ""),
        Sources::new()
            .variable(password, "hunter2")
            .secret_file(file, "hunter2"),
        Sources::new().file("[database]\npassword = \"hunter2\"\npassword_file = \"/x\""),
    ] {
        let (faults, text) = sources
            .variable("VESTIBULE_DATABASE_URL", POSTGRES)
            .faults();
        assert!(faults[0].starts_with("database.password ("), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

/// A stronger source replaces the file of a weaker source, which is then not read.
#[test]
fn a_secret_file_that_lost_is_not_read() {
    let sources = Sources::new()
        .file("[database]\nurl_file = \"/nonexistent\"")
        .variable("VESTIBULE_DATABASE_URL", POSTGRES);
    assert!(sources.load().is_ok());
}

/// (L5) What every user may read is a warning, what every user may write a fault: secrets and the
/// database file.
#[test]
fn a_file_with_secrets_is_for_its_user_alone() {
    let path = |mode| {
        let mut sources = Sources::new();
        let path = sources.written("secret", "hunter2");
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        (sources, path)
    };
    for (mode, readable, writable) in [
        (0o600, false, false),
        (0o660, false, false),
        (0o644, true, false),
        (0o646, true, true),
        (0o622, false, true),
    ] {
        let (sources, file) = path(mode);
        let secret = sources
            .variable("VESTIBULE_DATABASE_PASSWORD_FILE", file.to_str().unwrap())
            .variable("VESTIBULE_DATABASE_URL", POSTGRES);
        let (sources, file) = path(mode);
        let url = format!("sqlite://{}", file.display());
        let database = sources.variable("VESTIBULE_DATABASE_URL", &url);
        for sources in [secret, database] {
            match sources.load() {
                Ok(config) => {
                    let warned = config.warnings.iter().any(|it| it.contains("may read"));
                    assert_eq!((warned, false), (readable, writable), "{mode:o}");
                }
                Err(_) => assert!(writable, "{mode:o}"),
            }
        }
    }
}
