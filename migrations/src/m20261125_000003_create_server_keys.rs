//! Secrets that all replicas share: each is made once, by whichever replica comes first.

use sea_orm_migration::prelude::*;

use crate::columns::sha256;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let keys = Table::create()
            .table("server_keys")
            .col(ColumnDef::new("name").text().not_null().primary_key())
            // As long as a SHA-256.
            .col(sha256("secret").not_null())
            .to_owned();
        manager.create_table(keys).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("server_keys").to_owned())
            .await
    }
}
