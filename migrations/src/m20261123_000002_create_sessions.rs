//! The logins that last. Of a session's secret only the SHA-256 is here: a stolen dump opens
//! nothing.

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
        let sessions = Table::create()
            .table("sessions")
            .col(uuid(manager, "id").not_null().primary_key())
            .col(uuid(manager, "user_id").not_null())
            .col(sha256("secret_hash").not_null())
            .col(ColumnDef::new("epoch").big_integer().not_null())
            .col(instant("created_at").not_null())
            .col(instant("authenticated_at").not_null())
            .col(instant("last_seen_at").not_null())
            .col(instant("expires_at").not_null())
            .col(instant("revoked_at"))
            .col(ColumnDef::new("user_agent").text())
            .col(ColumnDef::new("ip").text())
            .foreign_key(
                ForeignKey::create()
                    .name("sessions_user_id_fkey")
                    .from("sessions", "user_id")
                    .to("users", "id")
                    .on_delete(ForeignKeyAction::Cascade),
            )
            .to_owned();
        manager.create_table(sessions).await?;
        // The first serves the lists of a user's sessions, the others the purge.
        for column in ["user_id", "expires_at", "revoked_at"] {
            let index = Index::create()
                .name(format!("sessions_{column}_idx"))
                .table("sessions")
                .col(column)
                .to_owned();
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("sessions").to_owned())
            .await
    }
}
