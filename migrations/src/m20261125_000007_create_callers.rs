//! The services that may act on users by name: their keys (hashed), the identities that their
//! certificates prove, and each method that was granted to them.

use sea_orm_migration::prelude::*;

use crate::columns::{instant, sha256, uuid};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let callers = Table::create()
            .table("callers")
            .col(ColumnDef::new("name").text().not_null().primary_key())
            .col(instant("created_at").not_null())
            .to_owned();
        manager.create_table(callers).await?;
        let keys = Table::create()
            .table("caller_keys")
            .col(uuid(manager, "id").not_null().primary_key())
            .col(ColumnDef::new("caller").text().not_null())
            .col(sha256("secret_hash").not_null())
            .col(instant("created_at").not_null())
            // Set when another key takes its place: both are good until then.
            .col(instant("expires_at"))
            .foreign_key(&mut of_caller("caller_keys"))
            .to_owned();
        manager.create_table(keys).await?;
        let grants = Table::create()
            .table("caller_grants")
            .col(ColumnDef::new("caller").text().not_null())
            .col(ColumnDef::new("method").text().not_null())
            .primary_key(Index::create().col("caller").col("method"))
            .foreign_key(&mut of_caller("caller_grants"))
            .to_owned();
        manager.create_table(grants).await?;
        let identities = Table::create()
            .table("caller_identities")
            .col(ColumnDef::new("identity").text().not_null().primary_key())
            .col(ColumnDef::new("caller").text().not_null())
            .foreign_key(&mut of_caller("caller_identities"))
            .to_owned();
        manager.create_table(identities).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [
            "caller_identities",
            "caller_grants",
            "caller_keys",
            "callers",
        ] {
            manager
                .drop_table(Table::drop().table(table).to_owned())
                .await?;
        }
        Ok(())
    }
}

/// What belongs to a caller goes with it.
fn of_caller(table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(format!("{table}_caller_fkey"))
        .from(table, "caller")
        .to("callers", "name")
        .on_delete(ForeignKeyAction::Cascade)
        .to_owned()
}
