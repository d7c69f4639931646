//! Sessions: created, found and ended.

mod of_user;

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, Query},
};
use tokio::time::Instant as Deadline;

pub use of_user::ListedSessions;

use super::{
    Db, DbError,
    entity::{
        sessions::{Column, Entity as Sessions, method_column},
        to_micros,
        users::{self, status_column},
    },
    events::record,
};
use crate::domain::{Event, Instant, Session, SessionId, UserStatus};

impl Db {
    /// Adds a session, if its user is still active and of the session's epoch: a login that began
    /// before a password change leaves none behind. Answers whether it was added.
    ///
    /// # Errors
    /// The database failed.
    pub async fn add_session(
        &self,
        session: Session,
        event: Event,
        deadline: Deadline,
    ) -> Result<bool, DbError> {
        self.write(deadline, move |transaction| {
            let insert = insert_for_live_user(&session);
            let event = event.clone();
            Box::pin(async move {
                let added = transaction.execute(&insert).await?.rows_affected() == 1;
                if added {
                    record(transaction, &event).await?;
                }
                Ok(added)
            })
        })
        .await
    }

    /// Ends a session; one that has ended keeps its instant.
    ///
    /// # Errors
    /// The database failed.
    pub async fn revoke_session(
        &self,
        id: SessionId,
        now: Instant,
        event: Event,
        deadline: Deadline,
    ) -> Result<(), DbError> {
        self.write(deadline, move |transaction| {
            let revoke = Sessions::update_many()
                .col_expr(Column::RevokedAt, Expr::value(to_micros(now)))
                .filter(Column::Id.eq(id.uuid()))
                .filter(Column::RevokedAt.is_null());
            let event = event.clone();
            Box::pin(async move {
                if revoke.exec(transaction).await?.rows_affected > 0 {
                    record(transaction, &event).await?;
                }
                Ok(())
            })
        })
        .await
    }
}

fn insert_for_live_user(session: &Session) -> sea_orm::sea_query::InsertStatement {
    let created_at = to_micros(session.created_at);
    let values = Query::select()
        .exprs([
            Expr::value(session.id.uuid()),
            Expr::col((users::Entity, users::Column::Id)),
            Expr::value(session.secret_hash.as_bytes().to_vec()),
            Expr::col((users::Entity, users::Column::SessionEpoch)),
            Expr::value(created_at),
            Expr::value(to_micros(session.authenticated_at)),
            Expr::value(method_column(session.method)),
            Expr::value(to_micros(session.last_seen_at)),
            Expr::value(to_micros(session.expires_at)),
            Expr::value(session.client.user_agent.clone()),
            Expr::value(session.client.ip.map(|ip| ip.to_string())),
        ])
        .from(users::Entity)
        .and_where(users::Column::Id.eq(session.user_id.uuid()))
        .and_where(users::Column::SessionEpoch.eq(session.epoch))
        .and_where(users::Column::Status.eq(status_column(UserStatus::Active)))
        .to_owned();
    let mut insert = Query::insert();
    insert.into_table(Sessions).columns([
        Column::Id,
        Column::UserId,
        Column::SecretHash,
        Column::Epoch,
        Column::CreatedAt,
        Column::AuthenticatedAt,
        Column::Method,
        Column::LastSeenAt,
        Column::ExpiresAt,
        Column::UserAgent,
        Column::Ip,
    ]);
    // Both lists stand above each other and have the same length, which is all that can fail here.
    let _ = insert.select_from(values);
    insert
}
