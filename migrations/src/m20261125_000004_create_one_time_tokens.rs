//! Secrets that prove a mailbox once: for a reset, a verification, a change of address. Only their
//! SHA-256 is here.

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
        let tokens = Table::create()
            .table("one_time_tokens")
            .col(uuid(manager, "id").not_null().primary_key())
            .col(uuid(manager, "user_id").not_null())
            .col(ColumnDef::new("purpose").small_integer().not_null())
            // Of the user's address when it was issued: a later address is not proven by it.
            .col(ColumnDef::new("email_key").text().not_null())
            // The address that a change of address leads to, as typed, and its key.
            .col(ColumnDef::new("new_email").text())
            .col(ColumnDef::new("new_email_key").text())
            // Whether it was mailed, which proves the mailbox, or handed to a caller, which does not.
            .col(ColumnDef::new("mailed").boolean().not_null())
            .col(sha256("secret_hash").not_null())
            .col(instant("created_at").not_null())
            .col(instant("expires_at").not_null())
            .col(instant("redeemed_at"))
            .foreign_key(
                ForeignKey::create()
                    .name("one_time_tokens_user_id_fkey")
                    .from("one_time_tokens", "user_id")
                    .to("users", "id")
                    .on_delete(ForeignKeyAction::Cascade),
            )
            .to_owned();
        manager.create_table(tokens).await?;
        // The first serves voiding all of a user's, the second the purge.
        for column in ["user_id", "expires_at"] {
            let index = Index::create()
                .name(format!("one_time_tokens_{column}_idx"))
                .table("one_time_tokens")
                .col(column)
                .to_owned();
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("one_time_tokens").to_owned())
            .await
    }
}
