//! What a one-time token and a request for mail remember of who asked for them, and when a session
//! last ended others.
//!
//! `mail_intents` is made anew, since its key has the user who asks: mail that waits is lost.

use sea_orm_migration::prelude::*;

use crate::columns::{instant, uuid};
use crate::m20261125_000005_create_mail_intents as former;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        former::drop(manager).await?;
        manager.create_table(mail_intents(manager)).await?;
        former::create_indexes(manager).await?;
        for (table, column) in added(manager) {
            // One by one: SQLite takes no two columns in one statement.
            let add = Table::alter().table(table).add_column(column).to_owned();
            manager.alter_table(add).await?;
        }
        // Finds whether an address is kept for the user who had it.
        let index = Index::create()
            .name(KEPT_ADDRESS)
            .table("one_time_tokens")
            .col("new_email_key")
            .to_owned();
        manager.create_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let index = Index::drop()
            .name(KEPT_ADDRESS)
            .table("one_time_tokens")
            .to_owned();
        manager.drop_index(index).await?;
        for (table, mut column) in added(manager).into_iter().rev() {
            let drop = Table::alter()
                .table(table)
                .drop_column(column.take().get_column_name())
                .to_owned();
            manager.alter_table(drop).await?;
        }
        former::drop(manager).await?;
        former::create(manager).await
    }
}

const KEPT_ADDRESS: &str = "one_time_tokens_kept_address_idx";

/// One row for each address, purpose and user who asks. Erasure deletes the rows by statement: the nil
/// UUID, for nobody, can refer to no user.
fn mail_intents(manager: &SchemaManager<'_>) -> TableCreateStatement {
    Table::create()
        .table("mail_intents")
        .col(ColumnDef::new("email_key").text().not_null())
        .col(ColumnDef::new("purpose").small_integer().not_null())
        // Nil: asked for without a session.
        .col(uuid(manager, "user_id").not_null())
        .col(uuid(manager, "session_id"))
        .col(ColumnDef::new("address").text())
        .col(ColumnDef::new("ip").text())
        .col(ColumnDef::new("user_agent").text())
        .col(instant("requested_at").not_null())
        .col(ColumnDef::new("requests").integer().not_null())
        .col(ColumnDef::new("attempts").integer().not_null())
        .col(instant("next_try"))
        // Whether the mail or its token was ended: it may be asked for again before its pause is over.
        .col(ColumnDef::new("voided").boolean().not_null().default(false))
        .primary_key(
            Index::create()
                .name("mail_intents_pkey")
                .col("email_key")
                .col("purpose")
                .col("user_id"),
        )
        .to_owned()
}

fn added(manager: &SchemaManager<'_>) -> [(&'static str, ColumnDef); 3] {
    let never = |name| {
        let mut column = instant(name);
        column.not_null().default(0_i64);
        column
    };
    [
        ("one_time_tokens", uuid(manager, "session_id")),
        // When the session last ended all others; 0: never.
        ("sessions", never("others_ended_at")),
        // How far the ends of single sessions, each of which costs a time, reach into the future.
        ("sessions", never("ends_until")),
    ]
}
