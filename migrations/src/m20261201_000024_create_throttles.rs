//! Failures of accounts and sources, and the sources that accounts logged in from. The keys are HMACs,
//! so neither an address nor a name is stored, and an account that does not exist has a row too.

use sea_orm_migration::prelude::*;

use crate::columns::{instant, uuid};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const TABLE: &str = "throttles";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let throttles = Table::create()
            .table(TABLE)
            .col(uuid(manager, "key").not_null().primary_key())
            // Consecutive failures, and the time of the last.
            .col(ColumnDef::new("failures").integer().not_null())
            .col(instant("failed_at").not_null())
            // Of a source: the time until which its budget is spent in advance.
            .col(instant("spent_until").not_null())
            // Of an account and a source: the last login; 0: none.
            .col(instant("known_since").not_null())
            .to_owned();
        manager.create_table(throttles).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table(TABLE).to_owned())
            .await
    }
}
