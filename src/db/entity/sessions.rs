//! The `sessions` table.

use sea_orm::entity::prelude::*;

use super::{client, from_micros};
use crate::domain::{AuthenticationMethod, SecretHash, Session, SessionId, UserId, opaque_debug};

#[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub user_id: Uuid,
    pub secret_hash: Vec<u8>,
    pub epoch: i64,
    pub created_at: i64,
    pub authenticated_at: i64,
    pub last_seen_at: i64,
    pub expires_at: i64,
    pub revoked_at: Option<i64>,
    pub user_agent: Option<String>,
    pub ip: Option<String>,
    pub method: i32,
    pub wrong_passwords: i32,
    pub rotations: i32,
    pub others_ended_at: i64,
    pub ends_until: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
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

const BY_PASSWORD: i32 = 1;
const BY_CALLER: i32 = 2;

/// Stored form of a method.
pub(in crate::db) fn method_column(method: AuthenticationMethod) -> i32 {
    match method {
        AuthenticationMethod::Password => BY_PASSWORD,
        AuthenticationMethod::Caller => BY_CALLER,
    }
}

impl From<Model> for Session {
    fn from(row: Model) -> Self {
        // The column is checked to hold 32 bytes; a row that does not matches no secret.
        let secret_hash = row.secret_hash.try_into().unwrap_or_default();
        Self {
            id: SessionId::new(row.id),
            user_id: UserId::new(row.user_id),
            secret_hash: SecretHash::from_stored(secret_hash),
            epoch: row.epoch,
            created_at: from_micros(row.created_at),
            authenticated_at: from_micros(row.authenticated_at),
            method: if row.method == BY_CALLER {
                AuthenticationMethod::Caller
            } else {
                AuthenticationMethod::Password
            },
            last_seen_at: from_micros(row.last_seen_at),
            expires_at: from_micros(row.expires_at),
            idle_expires_at: from_micros(row.expires_at),
            revoked_at: row.revoked_at.map(from_micros),
            client: client(row.ip, row.user_agent),
        }
    }
}
