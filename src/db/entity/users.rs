//! The `users` table.

use sea_orm::entity::prelude::*;

use super::from_micros;
use crate::domain::{
    HashedPassword, PasswordScheme, RegistrationId, StoredEmail, User, UserId, UserStatus,
    opaque_debug,
};

#[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub email: String,
    pub email_key: String,
    pub hashed_password: Option<String>,
    pub password_scheme: i16,
    pub status: i16,
    pub session_epoch: i64,
    pub version: i64,
    pub request_id: Option<Uuid>,
    pub email_verified_at: Option<i64>,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

opaque_debug!(Model);

/// Stored form of a status. Anything else reads as disabled: a row that nobody understands opens
/// nothing.
const ACTIVE: i16 = 1;
const DISABLED: i16 = 2;

pub(in crate::db) fn status_column(status: UserStatus) -> i16 {
    match status {
        UserStatus::Active => ACTIVE,
        UserStatus::Disabled => DISABLED,
    }
}

pub(in crate::db) fn scheme_column(scheme: PasswordScheme) -> i16 {
    match scheme {
        PasswordScheme::Imported => 0,
        PasswordScheme::Nfc => 1,
    }
}

impl From<Model> for User {
    fn from(row: Model) -> Self {
        Self {
            id: UserId::new(row.id),
            email: StoredEmail(row.email),
            hashed_password: row.hashed_password.map(HashedPassword::from_phc),
            password_scheme: if row.password_scheme == 0 {
                PasswordScheme::Imported
            } else {
                PasswordScheme::Nfc
            },
            status: if row.status == ACTIVE {
                UserStatus::Active
            } else {
                UserStatus::Disabled
            },
            session_epoch: row.session_epoch,
            version: row.version,
            request_id: row.request_id.map(RegistrationId::new),
            email_verified_at: row.email_verified_at.map(from_micros),
            created_at: from_micros(row.created_at),
            updated_at: from_micros(row.updated_at),
        }
    }
}
