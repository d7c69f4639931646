//! Each login counts its user's live sessions, and a list shows them: both found every session of the
//! user that is kept, of which a service that logs in all day has thousands.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const LIVE: &str = "sessions_user_id_revoked_at_idx";
const ALL: &str = "sessions_user_id_idx";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    /// The new index does what the old one did as well: it begins with the user.
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let live = index(LIVE).col("revoked_at").to_owned();
        manager.create_index(live).await?;
        drop(manager, ALL).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_index(index(ALL)).await?;
        drop(manager, LIVE).await
    }
}

fn index(name: &str) -> IndexCreateStatement {
    Index::create()
        .name(name)
        .table("sessions")
        .col("user_id")
        .to_owned()
}

async fn drop(manager: &SchemaManager<'_>, name: &str) -> Result<(), DbErr> {
    manager
        .drop_index(Index::drop().name(name).table("sessions").to_owned())
        .await
}
