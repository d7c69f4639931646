//! The `one_time_tokens` table.

use sea_orm::entity::prelude::*;

use crate::domain::{TokenPurpose, opaque_debug};

#[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "one_time_tokens")]
pub(in crate::db) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub user_id: Uuid,
    /// The session that asked, where one did.
    pub session_id: Option<Uuid>,
    pub purpose: i16,
    pub email_key: String,
    pub new_email: Option<String>,
    pub new_email_key: Option<String>,
    pub mailed: bool,
    pub secret_hash: Vec<u8>,
    pub created_at: i64,
    pub expires_at: i64,
    pub redeemed_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(in crate::db) enum Relation {
    #[sea_orm(
        belongs_to = "super::users::Entity",
        from = "Column::UserId",
        to = "super::users::Column::Id"
    )]
    User,
}

impl Related<super::users::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::User.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}

opaque_debug!(Model);

/// Stored form of a purpose; a number is never used twice.
pub(in crate::db) fn token_purpose_column(purpose: TokenPurpose) -> i16 {
    match purpose {
        TokenPurpose::PasswordReset => 1,
        TokenPurpose::EmailVerification => 2,
        TokenPurpose::EmailChange => 3,
        TokenPurpose::EmailRestore => 4,
    }
}
