//! Sessions: created and ended. They are found in `session_rows`.

mod last_seen;
mod list;
mod live;
mod rotation;

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, LockType, Query},
};
use tokio::time::Instant;

use super::{
    Db, DbError,
    entity::{
        sessions::{Column, Entity as Sessions, method_column},
        to_micros,
        users::{self, status_column},
    },
    events::record,
};
use crate::domain::{Event, Session, SessionId, SessionLimits, Timestamp, UserId, UserStatus};
use live::end_surplus;
pub use rotation::Rotation;

impl Db {
    /// Adds a session, if its user is still active and of the session's epoch: a login that began
    /// before a password change leaves none behind. Of the user's others the oldest end where there
    /// are more than may be. Answers whether it was added.
    ///
    /// # Errors
    /// The database failed.
    pub async fn add_session(
        &self,
        session: Session,
        limits: SessionLimits,
        event: Event,
        deadline: Instant,
    ) -> Result<bool, DbError> {
        self.write(deadline, move |transaction| {
            let insert = insert_for_live_user(&session);
            let (session, event) = (session.clone(), event.clone());
            Box::pin(async move {
                let added = transaction.execute(&insert).await?.rows_affected() == 1;
                if added {
                    record(transaction, &event).await?;
                    end_surplus(transaction, &session, limits, &event).await?;
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
        now: Timestamp,
        event: Event,
        deadline: Instant,
    ) -> Result<(), DbError> {
        let this = Condition::all().add(Column::Id.eq(id.uuid()));
        self.end(this, now, event, deadline).await
    }

    /// The same, if it is this user's; otherwise nothing happens.
    ///
    /// # Errors
    /// The database failed.
    pub async fn revoke_session_of(
        &self,
        user_id: UserId,
        id: SessionId,
        event: Event,
        deadline: Instant,
    ) -> Result<(), DbError> {
        let own = Condition::all()
            .add(Column::Id.eq(id.uuid()))
            .add(Column::UserId.eq(user_id.uuid()));
        self.end(own, event.at, event, deadline).await
    }

    async fn end(
        &self,
        which: Condition,
        now: Timestamp,
        event: Event,
        deadline: Instant,
    ) -> Result<(), DbError> {
        self.write(deadline, move |transaction| {
            let revoke = Sessions::update_many()
                .col_expr(Column::RevokedAt, Expr::value(to_micros(now)))
                .filter(which.clone())
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
            Expr::value(to_micros(session.last_seen_at)),
            Expr::value(to_micros(session.expires_at)),
            Expr::value(session.client.user_agent.clone()),
            Expr::value(session.client.ip.map(|ip| ip.to_string())),
            Expr::value(method_column(session.method)),
        ])
        .from(users::Entity)
        .and_where(users::Column::Id.eq(session.user_id.uuid()))
        .and_where(users::Column::SessionEpoch.eq(session.epoch))
        .and_where(users::Column::Status.eq(status_column(UserStatus::Active)))
        // Logins of one user come one after the other, so that each counts the others' sessions.
        .lock(LockType::NoKeyUpdate)
        .to_owned();
    let mut insert = Query::insert();
    insert.into_table(Sessions).columns([
        Column::Id,
        Column::UserId,
        Column::SecretHash,
        Column::Epoch,
        Column::CreatedAt,
        Column::AuthenticatedAt,
        Column::LastSeenAt,
        Column::ExpiresAt,
        Column::UserAgent,
        Column::Ip,
        Column::Method,
    ]);
    // Both lists stand above each other and have the same length, which is all that can fail here.
    let _ = insert.select_from(values);
    insert
}
