//! The accounts. Uniqueness of addresses and registrations belongs to the database alone.

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
        let users = Table::create()
            .table("users")
            .col(uuid(manager, "id").not_null().primary_key())
            .col(ColumnDef::new("email").text().not_null())
            .col(ColumnDef::new("email_key").text().not_null().unique_key())
            .col(ColumnDef::new("hashed_password").text())
            .col(ColumnDef::new("password_scheme").small_integer().not_null())
            .col(ColumnDef::new("status").small_integer().not_null())
            .col(ColumnDef::new("session_epoch").big_integer().not_null())
            .col(ColumnDef::new("version").big_integer().not_null())
            .col(uuid(manager, "request_id").unique_key())
            .col(instant("email_verified_at"))
            .col(instant("created_at").not_null())
            .col(instant("updated_at").not_null())
            .to_owned();
        manager.create_table(users).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("users").to_owned())
            .await
    }
}
