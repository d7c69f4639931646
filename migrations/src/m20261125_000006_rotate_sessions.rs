//! What a session needs to be rotated, to end after wrong passwords and to say how its user proved
//! who they are. The old binary leaves the new columns at their defaults.

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
        for column in added() {
            // One by one: SQLite takes no two columns in one statement.
            let add = Table::alter()
                .table("sessions")
                .add_column(column)
                .to_owned();
            manager.alter_table(add).await?;
        }
        let superseded = Table::create()
            .table("session_secrets")
            .col(uuid(manager, "session_id").not_null())
            .col(sha256("secret_hash").not_null())
            .col(ColumnDef::new("epoch").big_integer().not_null())
            // What the next secret was made with: kept as long as it may be made again.
            .col(ColumnDef::new("nonce").binary())
            .col(instant("superseded_at").not_null())
            .primary_key(Index::create().col("session_id").col("secret_hash"))
            .foreign_key(
                ForeignKey::create()
                    .name("session_secrets_session_id_fkey")
                    .from("session_secrets", "session_id")
                    .to("sessions", "id")
                    .on_delete(ForeignKeyAction::Cascade),
            )
            .to_owned();
        manager.create_table(superseded).await?;
        // The few whose nonce is still there, among all that were ever replaced.
        let index = Index::create()
            .name("session_secrets_nonce_idx")
            .table("session_secrets")
            .col("superseded_at")
            .and_where(Expr::col("nonce").is_not_null())
            .to_owned();
        manager.create_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("session_secrets").to_owned())
            .await?;
        for mut column in added().into_iter().rev() {
            let drop = Table::alter()
                .table("sessions")
                .drop_column(column.take().get_column_name())
                .to_owned();
            manager.alter_table(drop).await?;
        }
        Ok(())
    }
}

/// How the user proved who they are (1: by password, 2: to a named caller), wrong current passwords
/// since, and how often the secret was replaced.
fn added() -> [ColumnDef; 3] {
    let counted = |name, default: i32| {
        let mut column = ColumnDef::new(name);
        column.integer().not_null().default(default);
        column
    };
    [
        counted("method", 1),
        counted("wrong_passwords", 0),
        counted("rotations", 0),
    ]
}
