//! Secrets that all replicas share.

use sea_orm::{ActiveValue::Set, DbErr, EntityTrait};
use tokio::time::Instant;

use super::{
    Db, DbError,
    entity::server_keys::{ActiveModel, Entity as ServerKeys},
    query::or_nothing,
};
use crate::domain::ServerKey;

impl Db {
    /// The key of a name. The first key that is offered is stored and stays, so every replica has the
    /// same.
    pub async fn server_key(
        &self,
        name: &'static str,
        fresh: ServerKey,
        deadline: Instant,
    ) -> Result<ServerKey, DbError> {
        let query = ServerKeys::find_by_id(name);
        if let Some(row) = self.read(deadline, query.one(&self.inner.reader)).await? {
            return row.try_into().map_err(DbError::Bug);
        }
        self.write(deadline, fresh, move |transaction, fresh| {
            let row = ActiveModel {
                name: Set(name.to_owned()),
                secret: Set(fresh.as_bytes().to_vec()),
            };
            let insert = ServerKeys::insert(row).on_conflict(or_nothing());
            Box::pin(async move {
                insert.exec_with_returning_many(transaction).await?;
                // Another replica's key, if that was first.
                let row = ServerKeys::find_by_id(name).one(transaction).await?;
                row.ok_or(DbErr::RecordNotInserted)?.try_into()
            })
        })
        .await
    }
}
