//! Failures of accounts and sources, the sources that accounts logged in from, and spent budgets. The
//! keys are HMACs, so neither an address nor a name is stored, and an account that does not exist has a
//! row too. Also whether it is known that mail is somebody's.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::columns::{instant, uuid};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const TABLE: &str = "throttles";
const MAIL: &str = "mail_intents";
const LOOKED_UP: &str = "looked_up";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut throttles = Table::create()
            .table(TABLE)
            .col(uuid(manager, "key").not_null().primary_key())
            // Consecutive failures, and the time of the last.
            .col(ColumnDef::new("failures").integer().not_null())
            .col(instant("failed_at").not_null())
            // Of a source: the time until which its budget is spent in advance.
            .col(instant("spent_until").not_null())
            // Of an account and a source: the last login; of an account: when its failures were last
            // forgotten; 0: none.
            .col(instant("known_since").not_null())
            .to_owned();
        if manager.get_database_backend() == DbBackend::Sqlite {
            // The row is in the index of its key: a million takes 35 MiB instead of 61.
            throttles.extra("WITHOUT ROWID");
        }
        manager.create_table(throttles).await?;
        let mut looked_up = ColumnDef::new(LOOKED_UP);
        looked_up.boolean().not_null().default(false);
        let add = Table::alter().table(MAIL).add_column(looked_up).to_owned();
        manager.alter_table(add).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let drop = Table::alter().table(MAIL).drop_column(LOOKED_UP).to_owned();
        manager.alter_table(drop).await?;
        manager
            .drop_table(Table::drop().table(TABLE).to_owned())
            .await
    }
}
