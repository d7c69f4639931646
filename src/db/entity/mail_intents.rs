//! The `mail_intents` table.

use sea_orm::entity::prelude::*;

use crate::domain::{MailPurpose, opaque_debug};

#[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mail_intents")]
pub(in crate::db) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub email_key: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub purpose: i16,
    /// Nil: nobody.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Uuid,
    pub session_id: Option<Uuid>,
    pub address: Option<String>,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
    pub requested_at: i64,
    pub requests: i32,
    pub attempts: i32,
    pub next_try: Option<i64>,
    pub voided: bool,
    /// Of a request without a session: whether it is known that somebody has the address.
    pub looked_up: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(in crate::db) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

opaque_debug!(Model);

/// Stored form of a purpose; a number is never used twice.
pub(in crate::db) fn purpose_column(purpose: MailPurpose) -> i16 {
    match purpose {
        MailPurpose::PasswordReset => 1,
        MailPurpose::EmailVerification => 2,
        MailPurpose::EmailChange => 3,
        MailPurpose::EmailChangeRequested => 4,
        MailPurpose::EmailChanged => 5,
        MailPurpose::EmailRestore => 6,
        MailPurpose::EmailAssigned => 7,
        MailPurpose::PasswordChanged => 8,
        MailPurpose::SessionOpened => 9,
    }
}

/// `None`: of a newer release, which will send it.
pub(in crate::db) fn purpose_of(column: i16) -> Option<MailPurpose> {
    MailPurpose::ALL
        .into_iter()
        .find(|purpose| purpose_column(*purpose) == column)
}
