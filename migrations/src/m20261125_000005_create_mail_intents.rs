//! The mail that is to be sent, and for an hour what was: who may ask again follows from it. Only
//! intents: no secret and no text of a mail is ever stored.

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
        create(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager).await
    }
}

pub(crate) async fn create(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mail_intents = Table::create()
        .table("mail_intents")
        .col(ColumnDef::new("email_key").text().not_null())
        .col(ColumnDef::new("purpose").small_integer().not_null())
        .col(uuid(manager, "user_id"))
        .col(ColumnDef::new("epoch").big_integer())
        .col(ColumnDef::new("address").text())
        .col(instant("requested_at").not_null())
        .col(ColumnDef::new("requests").integer().not_null())
        .col(ColumnDef::new("attempts").integer().not_null())
        .col(instant("next_try"))
        .primary_key(
            Index::create()
                .name("mail_intents_pkey")
                .col("email_key")
                .col("purpose"),
        )
        .foreign_key(
            ForeignKey::create()
                .name("mail_intents_user_id_fkey")
                .from("mail_intents", "user_id")
                .to("users", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned();
    manager.create_table(mail_intents).await?;
    create_indexes(manager).await
}

/// The first finds what is due, the second what a deleted user leaves, the third what is old.
pub(crate) async fn create_indexes(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    for column in ["next_try", "user_id", "requested_at"] {
        let index = Index::create()
            .name(format!("mail_intents_{column}_idx"))
            .table("mail_intents")
            .col(column)
            .to_owned();
        manager.create_index(index).await?;
    }
    Ok(())
}

pub(crate) async fn drop(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .drop_table(Table::drop().table("mail_intents").to_owned())
        .await
}
