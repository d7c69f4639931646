//! What happened to whom, when and by whom, and the ids of erased users, which are never used again.
//! An event outlives its user, so nothing here refers to `users`.

use sea_orm_migration::prelude::*;

use crate::columns::{instant, uuid};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let events = Table::create()
            .table("events")
            // Version 7, made when it happened: the order of ids is the order of events.
            .col(uuid(manager, "id").not_null().primary_key())
            .col(ColumnDef::new("kind").small_integer().not_null())
            .col(instant("at").not_null())
            .col(uuid(manager, "user_id"))
            .col(uuid(manager, "session_id"))
            .col(ColumnDef::new("caller").text())
            .col(ColumnDef::new("ip").text())
            .col(ColumnDef::new("user_agent").text())
            // Failures of one minute that are alike are one row.
            .col(ColumnDef::new("count").big_integer().not_null())
            .to_owned();
        manager.create_table(events).await?;
        for columns in [&["user_id", "id"][..], &["kind", "id"], &["at"]] {
            let mut index = Index::create();
            index
                .name(format!("events_{}_idx", columns.join("_")))
                .table("events");
            for column in columns {
                index.col(*column);
            }
            manager.create_index(index).await?;
        }
        // Addresses are cleared long before their events; what is cleared need not be searched again.
        let clients = Index::create()
            .name("events_clients_idx")
            .table("events")
            .col("at")
            .cond_where(
                Cond::any()
                    .add(Expr::col("ip").is_not_null())
                    .add(Expr::col("user_agent").is_not_null()),
            )
            .to_owned();
        manager.create_index(clients).await?;
        let erased = Table::create()
            .table("erased_users")
            .col(uuid(manager, "id").not_null().primary_key())
            .col(instant("erased_at").not_null())
            .to_owned();
        manager.create_table(erased).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["erased_users", "events"] {
            manager
                .drop_table(Table::drop().table(table).to_owned())
                .await?;
        }
        Ok(())
    }
}
