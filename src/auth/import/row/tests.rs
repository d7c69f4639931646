//! The user of a row, and all faults of a row at once.

use super::*;

const HASH: &str = "$2b$04$Q58qEJ7X9/4iqMNJtp6ALuimd2ZPx1V6CcTC9JnWr4wYJk1nI.h4m";

fn now() -> Timestamp {
    DateTime::from_timestamp_micros(1_767_603_600_000_000).unwrap()
}

fn row(fields: &[(&str, &str)]) -> RawUser {
    let mut row = RawUser::default();
    for (name, text) in fields {
        *row.field(name).unwrap() = Some((*text).to_owned());
    }
    row
}

#[test]
fn every_name_has_a_field() {
    let mut row = RawUser::default();
    assert!(RawUser::FIELDS.iter().all(|name| row.field(name).is_some()));
    assert!(row.field("emailVerified").is_none());
}

#[test]
fn two_fields_are_enough() {
    let user = row(&[("email", "Ada@example.com"), ("password_hash", HASH)]);
    let user = user.parse(now()).unwrap();
    assert_eq!(user.email.key().as_str(), "ada@example.com");
    assert_eq!(user.password.scheme, PasswordScheme::Imported);
    assert_eq!((user.id, user.created_at), (None, None));
    assert!(!user.email_verified);
    assert_eq!(user.status, UserStatus::Active);
}

#[test]
fn every_field_is_kept() {
    let user = row(&[
        ("id", "018C2E65-4B7E-4CC3-98C4-DC0C0C07398F"),
        ("email", "ada@example.com"),
        ("password_hash", HASH),
        ("password_nfc", "true"),
        ("email_verified", "True"),
        ("created_at", "2026-01-05T10:00:00.123456789+01:00"),
        ("status", "disabled"),
    ]);
    let user = user.parse(now() + chrono::TimeDelta::seconds(1)).unwrap();
    let id = user.id.unwrap().to_string();
    assert_eq!(id, "018c2e65-4b7e-4cc3-98c4-dc0c0c07398f");
    assert_eq!(user.password.scheme, PasswordScheme::Nfc);
    assert!(user.email_verified);
    let created = user.created_at.unwrap().timestamp_micros();
    assert_eq!(created, 1_767_603_600_123_456);
    assert_eq!(user.status, UserStatus::Disabled);
}

#[test]
fn all_faults_are_reported_at_once_and_repeat_no_text() {
    let user = row(&[
        ("id", "canary"),
        ("email", "canary"),
        ("password_hash", "canary"),
        ("password_nfc", "canary"),
        ("email_verified", "canary"),
        ("created_at", "canary"),
        ("status", "canary"),
    ]);
    let faults = user.parse(now()).unwrap_err();
    let fields: Vec<_> = faults.iter().map(RowFault::field).collect();
    assert_eq!(fields, RawUser::FIELDS);
    for fault in &faults {
        let text = fault.to_string();
        assert!(text.starts_with(&format!("{}: ", fault.field())), "{text}");
        assert!(!text.contains("canary"), "{text}");
    }
    assert!(!format!("{user:?}").contains("canary"));
}

#[test]
fn a_missing_field_and_a_future_time_are_faults() {
    let faults = RawUser::default().parse(now()).unwrap_err();
    let missing = ["email", "password_hash"].map(RowFault::Missing);
    assert_eq!(faults, missing);
    for (created_at, accepted) in [
        ("2026-01-05T09:00:00Z", true),
        ("2026-01-05T09:00:00.000001Z", false),
        ("2026-01-05T09:00:00", false),
        ("2026-01-05", false),
        ("1767603600", false),
        ("", false),
    ] {
        let user = row(&[
            ("email", "ada@example.com"),
            ("password_hash", HASH),
            ("created_at", created_at),
        ]);
        assert_eq!(user.parse(now()).is_ok(), accepted, "{created_at}");
    }
}
