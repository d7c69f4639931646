//! The `session_secrets` table: what rotations replaced.

use sea_orm::entity::prelude::*;

use super::from_micros;
use crate::domain::{SecretHash, SessionId, SupersededSecret, opaque_debug};

#[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "session_secrets")]
pub(in crate::db) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub secret_hash: Vec<u8>,
    pub epoch: i64,
    pub nonce: Option<Vec<u8>>,
    pub superseded_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(in crate::db) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

opaque_debug!(Model);

impl From<Model> for SupersededSecret {
    fn from(row: Model) -> Self {
        Self {
            session_id: SessionId::new(row.session_id),
            // The column is checked to hold 32 bytes; a row that does not matches no secret.
            secret_hash: SecretHash::from_stored(row.secret_hash.try_into().unwrap_or_default()),
            epoch: row.epoch,
            nonce: row.nonce.and_then(|nonce| nonce.try_into().ok()),
            superseded_at: from_micros(row.superseded_at),
        }
    }
}
