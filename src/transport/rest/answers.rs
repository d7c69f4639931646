//! What the routes answer. `/openapi.json` describes the same types.

use chrono::SecondsFormat;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{Timestamp, User};

/// A first word.
#[derive(Serialize, ToSchema)]
pub(super) struct Welcome {
    /// Always `Bienvenue`.
    pub(super) message: &'static str,
}

/// The user who was registered.
#[derive(Serialize, ToSchema)]
pub(super) struct Created {
    /// A UUID; no other user ever has it.
    #[schema(format = "uuid")]
    id: String,
    /// As it was given, in NFC.
    email: String,
    /// Always `user created`.
    message: &'static str,
}

/// A user.
#[derive(Serialize, ToSchema)]
pub(super) struct Found {
    /// A UUID; no other user ever has it.
    #[schema(format = "uuid")]
    id: String,
    /// As it was given at registration, in NFC.
    email: String,
    /// Whether the user may log in.
    #[schema(pattern = "^(active|disabled)$")]
    status: &'static str,
    /// When the user registered, in UTC.
    #[schema(format = DateTime)]
    created_at: String,
    /// The last change by the user or an operator, in UTC.
    #[schema(format = DateTime)]
    updated_at: String,
}

impl From<User> for Created {
    fn from(user: User) -> Self {
        Self {
            id: user.id.to_string(),
            email: user.email.0,
            message: "user created",
        }
    }
}

impl From<User> for Found {
    fn from(user: User) -> Self {
        Self {
            id: user.id.to_string(),
            email: user.email.0,
            status: user.status.as_str(),
            created_at: rfc3339(user.created_at),
            updated_at: rfc3339(user.updated_at),
        }
    }
}

fn rfc3339(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_rfc_3339_in_utc() {
        let at = |micros| rfc3339(chrono::DateTime::from_timestamp_micros(micros).unwrap());
        assert_eq!(at(1_700_000_000_123_456), "2023-11-14T22:13:20.123456Z");
        assert_eq!(at(1_700_000_000_000_000), "2023-11-14T22:13:20Z");
    }
}
