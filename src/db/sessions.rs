//! Sessions: created and ended. `session_rows` and `lookups` find them.

mod last_seen;
mod list;
mod live;
mod purge;
mod reauthentication;
mod rotation;
mod wrong_passwords;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter,
    sea_query::{Expr, InsertStatement, LockType},
};
use tokio::time::Instant;

use super::{
    Db, DbError,
    ends::{Change, lock_user},
    entity::{
        sessions::{Column, Entity as Sessions, method_column},
        to_micros,
        users::Entity as Users,
    },
    events::record,
    mail::{Notice, enqueue_notice},
    query::insert_for_live_user,
};
use crate::domain::{
    AuthenticationMethod, Event, MailPurpose, Session, SessionId, SessionLimits, UserId,
};
use live::end_surplus;
pub(super) use live::live_of;
pub use rotation::Rotation;
pub use wrong_passwords::AfterWrong;
pub(super) use wrong_passwords::forget_wrong_passwords;

impl Db {
    /// Adds a session if its user is still active and still has the session's epoch, so a login that
    /// began before a password change leaves none behind. The user's oldest sessions end where the
    /// limit is exceeded, and the user gets a notice of a session that a caller opened. Returns whether
    /// it was added.
    pub async fn add_session(
        &self,
        session: Session,
        limits: SessionLimits,
        event: Event,
        deadline: Instant,
    ) -> Result<bool, DbError> {
        let input = (session, event);
        self.write(deadline, input, move |transaction, (session, event)| {
            Box::pin(async move {
                let insert = insert(session);
                let added = transaction.execute(&insert).await?.rows_affected() == 1;
                if added {
                    record(transaction, event).await?;
                    end_surplus(transaction, session, limits, event).await?;
                    notify(transaction, session).await?;
                }
                Ok(added)
            })
        })
        .await
    }

    /// Ends a session of a user at the time of the event; with `requests`, what it requested ends too. An
    /// ended session keeps the time of its end, and nothing is recorded.
    pub async fn revoke_session(
        &self,
        (user, id): (UserId, SessionId),
        requests: bool,
        event: Event,
        deadline: Instant,
    ) -> Result<(), DbError> {
        self.write(deadline, event, move |transaction, event| {
            Box::pin(async move {
                let row = if requests {
                    lock_user(transaction, user).await?
                } else {
                    None
                };
                let revoke = Sessions::update_many()
                    .col_expr(Column::RevokedAt, Expr::value(to_micros(event.at)))
                    .filter(Column::Id.eq(id.uuid()))
                    .filter(Column::UserId.eq(user.uuid()))
                    .filter(Column::RevokedAt.is_null());
                if revoke.exec(transaction).await?.rows_affected == 0 {
                    return Ok(());
                }
                if let Some(row) = row {
                    let ends = Change::SessionEnded(id).ends();
                    ends.end_requests(transaction, &row, event.at).await?;
                }
                record(transaction, event).await
            })
        })
        .await
    }
}

/// Tells the user by mail of a session that a caller opened.
async fn notify(transaction: &DatabaseTransaction, session: &Session) -> Result<(), DbErr> {
    match session.method {
        AuthenticationMethod::Password => return Ok(()),
        AuthenticationMethod::Caller => {}
    }
    let user = Users::find_by_id(session.user_id.uuid());
    if let Some(user) = user.one(transaction).await? {
        let notice = Notice::to_user(&user, MailPurpose::SessionOpened);
        enqueue_notice(transaction, notice, session.created_at).await?;
    }
    Ok(())
}

fn insert(session: &Session) -> InsertStatement {
    let at = |time| Expr::value(to_micros(time));
    let secret_hash = session.secret_hash.as_bytes().to_vec();
    let client = &session.client;
    insert_for_live_user(
        Sessions,
        (session.user_id, session.epoch),
        // Logins of one user run one after the other, so that each counts the others' sessions.
        LockType::NoKeyUpdate,
        [
            (Column::Id, Expr::value(session.id.uuid())),
            (Column::UserId, Expr::value(session.user_id.uuid())),
            (Column::SecretHash, Expr::value(secret_hash)),
            (Column::Epoch, Expr::value(session.epoch)),
            (Column::CreatedAt, at(session.created_at)),
            (Column::AuthenticatedAt, at(session.authenticated_at)),
            (Column::LastSeenAt, at(session.last_seen_at)),
            (Column::ExpiresAt, at(session.expires_at)),
            (Column::UserAgent, Expr::value(client.user_agent.clone())),
            (Column::Ip, Expr::value(client.ip.map(|ip| ip.to_string()))),
            (Column::Method, Expr::value(method_column(session.method))),
        ],
    )
}
