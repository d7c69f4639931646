//! Users, a page at a time.

use sea_orm::{ColumnTrait, DbBackend, EntityTrait, ExprTrait, QueryFilter, sea_query::Expr};
use tokio::time::Instant;

use crate::db::{
    Db, DbError,
    entity::users::{Column, Entity as Users, status_column},
    query::page_after,
};
use crate::domain::{User, UserFilter, UserId};

impl Db {
    /// Users in the order of their ids, from the one after `after` on.
    pub async fn list_users(
        &self,
        filter: &UserFilter,
        after: Option<UserId>,
        limit: u64,
        deadline: Instant,
    ) -> Result<Vec<User>, DbError> {
        let mut query = page_after(Users::find(), Column::Id, after.map(UserId::uuid), limit);
        if let Some(status) = filter.status {
            query = query.filter(Column::Status.eq(status_column(status)));
        }
        if let Some(prefix) = &filter.email_prefix {
            let backend = self.inner.reader.get_database_backend();
            query = query
                .filter(key_in_bytes(backend).gte(prefix.first()))
                .filter(key_in_bytes(backend).lt(prefix.end()));
        }
        let rows = self.read(deadline, query.all(&self.inner.reader)).await?;
        Ok(rows.into_iter().map(User::from).collect())
    }
}

/// The key in the order of bytes, as the indexes of both databases have it.
fn key_in_bytes(backend: DbBackend) -> Expr {
    match backend {
        DbBackend::Postgres => Expr::cust(r#""users"."email_key" COLLATE "C""#),
        _ => Expr::col((Users, Column::EmailKey)),
    }
}
