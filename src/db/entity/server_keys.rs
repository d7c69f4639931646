//! The `server_keys` table.

use sea_orm::entity::prelude::*;

use crate::domain::{ServerKey, opaque_debug};

#[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "server_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    pub secret: Vec<u8>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

opaque_debug!(Model);

impl TryFrom<Model> for ServerKey {
    type Error = DbErr;

    fn try_from(row: Model) -> Result<Self, DbErr> {
        // The column is checked to hold 32 bytes.
        let bytes = row.secret.try_into();
        bytes
            .map(Self::new)
            .map_err(|_| DbErr::Custom("a server key has not 32 bytes".to_owned()))
    }
}
