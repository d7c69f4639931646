//! What `vestibule users show` prints: everything but secrets.

use chrono::SecondsFormat;

use crate::domain::{Timestamp, User};

/// A line for each thing that is known.
pub(super) fn shown(user: &User) -> String {
    let password = user.hashed_password.as_ref().map_or("none", |_| "set");
    let verified = user.email_verified_at.map_or_else(|| "no".to_owned(), at);
    let lines = [
        ("id", user.id.to_string()),
        ("email", user.email.0.clone()),
        ("email verified", verified),
        ("status", user.status.as_str().to_owned()),
        ("password", password.to_owned()),
        ("registered", at(user.created_at)),
        ("changed", at(user.updated_at)),
        ("etag", user.version.to_string()),
    ];
    let lines = lines.map(|(key, value)| format!("{:<16}{value}", format!("{key}:")));
    lines.join("\n")
}

fn at(instant: Timestamp) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Secs, true)
}
