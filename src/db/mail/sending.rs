//! Mail on its way: claimed by one of many replicas, then finished or postponed.

use std::time::Duration;

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, ExprTrait, FromQueryResult,
    QueryFilter, QuerySelect, QueryTrait, Statement, UpdateMany, sea_query::Expr,
};
use tokio::time::Instant;
use uuid::Uuid;

use super::WINDOW;
use crate::db::{
    Db, DbError,
    entity::{
        client, from_micros,
        mail_intents::{Column, Entity as MailIntents, Model, purpose_column, purpose_of},
        to_micros,
    },
    events::record,
};
use crate::domain::{
    ClientInfo, EmailKey, Event, MailPurpose, SessionId, Timestamp, UserId, opaque_debug,
};

/// Claimed mail, to be sent before the lease ends.
#[derive(Debug, Clone)]
pub struct MailIntent {
    /// The address that was given.
    pub key: EmailKey,
    /// The purpose of the mail.
    pub purpose: MailPurpose,
    /// The user who asked; see `MailRequest::by`.
    pub by: Option<Requester>,
    /// The end user's client.
    pub client: ClientInfo,
    /// The time of the request.
    pub requested_at: Timestamp,
    /// The number of attempts, this one included.
    pub attempts: u32,
    /// The end of the lease, which identifies the claim.
    lease: Timestamp,
}

/// The user who asked for mail.
#[derive(Clone)]
pub struct Requester {
    pub user: UserId,
    /// The session that asked, where one did.
    pub session: Option<SessionId>,
    /// The address to mail.
    pub address: String,
}

opaque_debug!(Requester);

/// The amount of mail that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailWaiting {
    /// Mail that is neither sent nor given up.
    pub waiting: usize,
    /// The part of it that is due.
    pub due: usize,
}

impl Db {
    /// The amount of mail that waits. Purposes of a newer release are never due here.
    pub async fn mail_waiting(
        &self,
        now: Timestamp,
        deadline: Instant,
    ) -> Result<MailWaiting, DbError> {
        let is_due = Condition::all()
            .add(Column::NextTry.lte(to_micros(now)))
            .add(Column::LookedUp.eq(true).or(Column::UserId.ne(Uuid::nil())))
            .add(Column::Purpose.is_in(MailPurpose::ALL.map(purpose_column)));
        let due = Expr::case(is_due, Expr::value(1));
        let counts = MailIntents::find()
            .filter(Column::NextTry.is_not_null())
            .select_only()
            .expr(Column::NextTry.count())
            .expr(Expr::expr(due).count())
            .into_tuple::<(i64, i64)>()
            .one(&self.inner.reader);
        let (waiting, due) = self.read(deadline, counts).await?.unwrap_or_default();
        Ok(MailWaiting {
            waiting: usize::try_from(waiting).unwrap_or_default(),
            due: usize::try_from(due).unwrap_or_default(),
        })
    }

    /// Claims due mail, at most `batch` of it, until the lease ends: no other replica gets it meanwhile,
    /// and another replica gets it afterwards if this one dies.
    pub async fn claim_mail(
        &self,
        now: Timestamp,
        lease: Duration,
        batch: u32,
        deadline: Instant,
    ) -> Result<Vec<MailIntent>, DbError> {
        self.write(deadline, (), move |transaction, ()| {
            let claim = claim_statement(transaction.get_database_backend(), now, lease, batch);
            Box::pin(async move {
                let rows = transaction.query_all_raw(claim).await?;
                rows.iter()
                    .filter_map(|row| match Model::from_query_result(row, "") {
                        Ok(row) => MailIntent::of(row).map(Ok),
                        Err(error) => Some(Err(error)),
                    })
                    .collect()
            })
        })
        .await
    }

    /// Whether the claim still holds. Asked after the mail's user was read: a change of the user that
    /// voids the mail shows either in the user or here.
    pub async fn holds_mail(
        &self,
        intent: &MailIntent,
        deadline: Instant,
    ) -> Result<bool, DbError> {
        let row = MailIntents::find().filter(is_as_claimed(intent));
        let row = row.one(&self.inner.reader);
        Ok(self.read(deadline, row).await?.is_some())
    }

    /// Finishes mail that was sent or given up, and records the event. The row stays for the limits. Mail
    /// that was requested again or claimed by another replica meanwhile is unchanged, and nothing is
    /// recorded.
    pub async fn finish_mail(
        &self,
        intent: &MailIntent,
        event: Option<Event>,
        deadline: Instant,
    ) -> Result<(), DbError> {
        let input = (intent.clone(), event);
        self.write(deadline, input, |transaction, (intent, event)| {
            Box::pin(async move {
                let finish = next_try_statement(intent, None).exec(transaction);
                let is_ours = finish.await?.rows_affected == 1;
                match event {
                    Some(event) if is_ours => record(transaction, event).await,
                    Some(_) | None => Ok(()),
                }
            })
        })
        .await
    }

    /// Postpones mail to another attempt.
    pub async fn postpone_mail(
        &self,
        intent: &MailIntent,
        next_try: Timestamp,
        deadline: Instant,
    ) -> Result<(), DbError> {
        self.write(deadline, intent.clone(), move |transaction, intent| {
            let postpone = next_try_statement(intent, Some(next_try));
            Box::pin(async move { postpone.exec(transaction).await.map(drop) })
        })
        .await
    }

    /// Postpones mail that was not tried, because a budget is used up.
    pub async fn delay_mail(
        &self,
        intent: &MailIntent,
        until: Timestamp,
        deadline: Instant,
    ) -> Result<(), DbError> {
        self.write(deadline, intent.clone(), move |transaction, intent| {
            let delay =
                next_try_statement(intent, Some(until)).col_expr(Column::Attempts, Expr::value(0));
            Box::pin(async move { delay.exec(transaction).await.map(drop) })
        })
        .await
    }

    /// Deletes rows of mail that was sent so long ago that no limit depends on it, at most `batch` of
    /// them. Returns how many.
    pub async fn purge_mail(
        &self,
        now: Timestamp,
        batch: u64,
        deadline: Instant,
    ) -> Result<u64, DbError> {
        self.write(deadline, (), move |transaction, ()| {
            // Twice: mail may be requested again between the sub-query and the deletion.
            let is_old = || {
                Condition::all()
                    .add(Column::NextTry.is_null())
                    .add(Column::RequestedAt.lt(to_micros(now - WINDOW)))
            };
            let key = [Column::EmailKey, Column::Purpose, Column::UserId];
            let old = MailIntents::find()
                .filter(is_old())
                .select_only()
                .columns(key)
                .limit(batch)
                .into_query();
            let key = Expr::tuple(key.map(Expr::col));
            let purge = MailIntents::delete_many()
                .filter(is_old())
                .filter(key.in_subquery(old));
            Box::pin(async move { Ok(purge.exec(transaction).await?.rows_affected) })
        })
        .await
    }
}

impl MailIntent {
    fn of(row: Model) -> Option<Self> {
        let session = row.session_id.map(SessionId::new);
        Some(Self {
            key: EmailKey::from_stored(row.email_key),
            purpose: purpose_of(row.purpose)?,
            by: row.address.map(|address| Requester {
                user: UserId::new(row.user_id),
                session,
                address,
            }),
            client: client(row.ip, row.user_agent),
            requested_at: from_micros(row.requested_at),
            attempts: row.attempts.try_into().unwrap_or(0),
            lease: from_micros(row.next_try?),
        })
    }
}

/// Mail of a purpose that only a newer release knows is left to that release.
fn known_purpose() -> String {
    let known = MailPurpose::ALL.map(|purpose| purpose_column(purpose).to_string());
    format!("purpose IN ({})", known.join(", "))
}

fn claim_statement(backend: DbBackend, now: Timestamp, lease: Duration, batch: u32) -> Statement {
    // SQLite has one writer at a time, so no other claim runs meanwhile.
    let skip = match backend {
        DbBackend::Postgres => "FOR UPDATE SKIP LOCKED",
        _ => "",
    };
    let known = known_purpose();
    let sql = format!(
        "WITH due AS (SELECT email_key, purpose, user_id FROM mail_intents \
         WHERE next_try <= $1 AND (looked_up OR user_id <> $4) AND {known} ORDER BY next_try LIMIT $2 {skip}) \
         UPDATE mail_intents SET next_try = $3, attempts = attempts + 1 FROM due \
         WHERE mail_intents.email_key = due.email_key AND mail_intents.purpose = due.purpose \
         AND mail_intents.user_id = due.user_id RETURNING *"
    );
    let values = [
        to_micros(now).into(),
        i64::from(batch).into(),
        to_micros(now + lease).into(),
        Uuid::nil().into(),
    ];
    Statement::from_sql_and_values(backend, sql, values)
}

/// Changes the row only while the claim holds.
fn next_try_statement(intent: &MailIntent, next_try: Option<Timestamp>) -> UpdateMany<MailIntents> {
    MailIntents::update_many()
        .col_expr(Column::NextTry, Expr::value(next_try.map(to_micros)))
        .filter(is_as_claimed(intent))
}

pub(in crate::db) fn is_as_claimed(intent: &MailIntent) -> Condition {
    let by = intent.by.as_ref();
    Condition::all()
        .add(Column::EmailKey.eq(intent.key.as_str()))
        .add(Column::UserId.eq(by.map_or(Uuid::nil(), |by| by.user.uuid())))
        .add(Column::Purpose.eq(purpose_column(intent.purpose)))
        .add(Column::RequestedAt.eq(to_micros(intent.requested_at)))
        .add(Column::NextTry.eq(to_micros(intent.lease)))
}
