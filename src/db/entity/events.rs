//! The `events` table.

use sea_orm::entity::prelude::*;

use super::{client, from_micros};
use crate::domain::{CallerName, EventKind, EventOrigin, StoredEvent};

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "events")]
pub(in crate::db) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub kind: i16,
    pub at: i64,
    pub user_id: Option<Uuid>,
    pub session_id: Option<Uuid>,
    pub caller: Option<String>,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
    pub count: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(in crate::db) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Stored form of a kind; a number is never used twice.
pub(in crate::db) fn kind_column(kind: EventKind) -> i16 {
    match kind {
        EventKind::UserRegistered => 1,
        EventKind::LoginSucceeded => 2,
        EventKind::LoginFailed => 3,
        EventKind::SessionCreated => 4,
        EventKind::SessionRevoked => 5,
        EventKind::SessionsRevoked => 6,
        EventKind::SessionSecretReused => 7,
        EventKind::PasswordChanged => 8,
        EventKind::PasswordReset => 9,
        EventKind::EmailVerified => 10,
        EventKind::EmailChanged => 11,
        EventKind::UserDisabled => 12,
        EventKind::UserEnabled => 13,
        EventKind::UserDeleted => 14,
        EventKind::UserImported => 15,
        EventKind::CallerAdded => 16,
        EventKind::CallerRemoved => 17,
        EventKind::PasswordResetRequested => 18,
        EventKind::EmailVerificationRequested => 19,
        EventKind::EmailChangeRequested => 20,
        EventKind::PasswordResetCreated => 21,
        EventKind::EmailChangeCancelled => 22,
        EventKind::EmailRestored => 23,
        EventKind::LoginThrottled => 24,
        EventKind::ThrottleCleared => 25,
        EventKind::SourceThrottled => 26,
        EventKind::PasswordSprayed => 27,
    }
}

fn kind(column: i16) -> Option<EventKind> {
    EventKind::ALL
        .into_iter()
        .find(|kind| kind_column(*kind) == column)
}

impl From<Model> for StoredEvent {
    fn from(row: Model) -> Self {
        Self {
            id: row.id.into(),
            kind: kind(row.kind),
            at: from_micros(row.at),
            user_id: row.user_id.map(Into::into),
            session_id: row.session_id.map(Into::into),
            origin: EventOrigin {
                caller: row.caller.as_deref().and_then(CallerName::parse),
                client: client(row.ip, row.user_agent),
            },
            count: u64::try_from(row.count).unwrap_or(0),
        }
    }
}
