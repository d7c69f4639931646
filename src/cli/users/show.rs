//! What `vestibule users show` prints: everything but secrets.

use crate::{cli::output::render_time, domain::User};

/// A line for each property.
pub(super) fn render(user: &User) -> String {
    let password = user.hashed_password.as_ref().map_or("none", |_| "set");
    let verified = user
        .email_verified_at
        .map_or_else(|| "no".to_owned(), render_time);
    let lines = [
        ("id", user.id.to_string()),
        ("email", user.email.0.clone()),
        ("email verified", verified),
        ("status", user.status.as_str().to_owned()),
        ("password", password.to_owned()),
        ("registered", render_time(user.created_at)),
        ("changed", render_time(user.updated_at)),
        ("etag", user.version.to_string()),
    ];
    let lines = lines.map(|(key, value)| format!("{:<16}{value}", format!("{key}:")));
    lines.join("\n")
}
