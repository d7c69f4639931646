//! Mail to be sent: intents, which hold no secret and no text. The statement that stores a request also
//! applies the limits.

mod sending;

use std::time::Duration;

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter,
    QuerySelect, QueryTrait, Statement, sea_query::Expr,
};
use tokio::time::Instant;

use super::{
    Db, DbError,
    entity::{
        mail_intents::{Column, Entity as MailIntents, purpose_column},
        to_micros,
        users::{self, Entity as Users},
    },
    sessions::forget_wrong_passwords,
};
use crate::domain::{Email, MailPurpose, SessionId, Timestamp, TokenPurpose, UserId};

pub use sending::{AskedBy, MailIntent, MailWaiting};

/// The least time between two mails to an address for one purpose.
const SPACING: Duration = Duration::from_mins(1);
/// The number of mails after which there is a pause.
const MOST: i32 = 5;
/// The length of the pause.
const PAUSE: Duration = Duration::from_hours(1);

/// A request for mail.
#[derive(Debug)]
pub struct MailRequest {
    /// The address that was given.
    pub to: Email,
    /// The purpose of the mail.
    pub purpose: MailPurpose,
    /// The user who asked and their epoch. `None`: the request came without a session, and the mail goes
    /// to the user who has the address, if there is one.
    pub by: Option<(UserId, i64)>,
    /// The time of the request.
    pub now: Timestamp,
}

/// The outcome of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Queued {
    /// The request waits, or exceeded a limit and changed nothing; callers cannot see which.
    Yes,
    /// The queue is full.
    Full,
}

impl Db {
    /// Requests mail by one statement that is the same for every address: it reads no user. A request
    /// beyond the limits changes nothing. At most `queue` mails wait; with concurrent writers, a few
    /// more.
    pub async fn request_mail(
        &self,
        request: MailRequest,
        queue: u32,
        deadline: Instant,
    ) -> Result<Queued, DbError> {
        self.write(deadline, request, move |transaction, request| {
            Box::pin(enqueue(transaction, request, queue))
        })
        .await
    }

    /// Requests the mail of a change of address and the notice to the current address, both or neither,
    /// and resets the count of wrong passwords of the session. `None`: the session has ended since it
    /// was verified.
    pub async fn request_email_change(
        &self,
        session: SessionId,
        request: MailRequest,
        notice: Option<MailRequest>,
        queue: u32,
        deadline: Instant,
    ) -> Result<Option<Queued>, DbError> {
        let input = (request, notice);
        self.write(deadline, input, move |transaction, (request, notice)| {
            Box::pin(async move {
                if !forget_wrong_passwords(transaction, session).await? {
                    return Ok(None);
                }
                let queued = enqueue(transaction, request, queue).await?;
                if let (Queued::Yes, Some(notice)) = (queued, notice) {
                    enqueue_notice(transaction, notice).await?;
                }
                Ok(Some(queued))
            })
        })
        .await
    }
}

/// Requests a notice in the transaction of the change that it reports. It is queued however much mail
/// waits; the limits of its address hold, so of several changes in a minute the first is reported.
pub(super) async fn enqueue_notice(
    transaction: &DatabaseTransaction,
    notice: &MailRequest,
) -> Result<(), DbErr> {
    enqueue(transaction, notice, u32::MAX).await.map(drop)
}

async fn enqueue(
    transaction: &DatabaseTransaction,
    request: &MailRequest,
    queue: u32,
) -> Result<Queued, DbErr> {
    let statement = Statement::from_sql_and_values(
        transaction.get_database_backend(),
        enqueue_sql(),
        [
            request.to.key().as_str().into(),
            purpose_column(request.purpose).into(),
            request.by.map(|(user, _)| user.uuid()).into(),
            request.by.map(|(_, epoch)| epoch).into(),
            request.by.map(|_| request.to.as_given().to_owned()).into(),
            to_micros(request.now).into(),
            i64::from(queue).into(),
        ],
    );
    Ok(
        match transaction.execute_raw(statement).await?.rows_affected() {
            0 => Queued::Full,
            _ => Queued::Yes,
        },
    )
}

/// Gives up mail that would bring a user a token, for all purposes or for one. The rows stay, because
/// the limits depend on them.
pub(super) async fn void_mail(
    transaction: &DatabaseTransaction,
    user: UserId,
    purpose: Option<TokenPurpose>,
) -> Result<(), DbErr> {
    let all = [
        MailPurpose::PasswordReset,
        MailPurpose::EmailVerification,
        MailPurpose::EmailChange,
    ];
    let void = purpose.map_or(all.to_vec(), |purpose| vec![purpose.into()]);
    let address = Users::find_by_id(user.uuid())
        .select_only()
        .column(users::Column::EmailKey)
        .into_query();
    // A request that another user made about the address is not this user's.
    let by_anybody = Condition::all()
        .add(Column::EmailKey.in_subquery(address))
        .add(Column::UserId.is_null());
    let of_user = Condition::any()
        .add(Column::UserId.eq(user.uuid()))
        .add(by_anybody);
    let of_purpose = Column::Purpose.is_in(void.into_iter().map(purpose_column));
    void_where(transaction, Condition::all().add(of_purpose).add(of_user)).await
}

/// Gives up mail that was requested without a session for an address that its user has left.
pub(super) async fn void_mail_to(
    transaction: &DatabaseTransaction,
    address: &str,
) -> Result<(), DbErr> {
    let by_anybody = Condition::all()
        .add(Column::EmailKey.eq(address))
        .add(Column::UserId.is_null());
    void_where(transaction, by_anybody).await
}

async fn void_where(transaction: &DatabaseTransaction, which: Condition) -> Result<(), DbErr> {
    MailIntents::update_many()
        .col_expr(Column::NextTry, Expr::value(None::<i64>))
        .filter(which)
        .exec(transaction)
        .await
        .map(|_| ())
}

/// A request beyond the limits writes the stored values again, so it does the same work and counts as a
/// row. No row: the queue is full.
fn enqueue_sql() -> String {
    let after = |time: Duration| {
        let micros = time.as_micros();
        format!("excluded.requested_at >= mail_intents.requested_at + {micros}")
    };
    let (spaced, paused) = (after(SPACING), after(PAUSE));
    let allowed = format!("{spaced} AND (mail_intents.requests < {MOST} OR {paused})");
    let taken = [
        "user_id",
        "epoch",
        "address",
        "requested_at",
        "attempts",
        "next_try",
    ]
    .map(|column| {
        format!(
            "{column} = CASE WHEN {allowed} THEN excluded.{column} ELSE mail_intents.{column} END"
        )
    })
    .join(", ");
    format!(
        "INSERT INTO mail_intents \
         (email_key, purpose, user_id, epoch, address, requested_at, requests, attempts, next_try) \
         SELECT $1, $2, $3, $4, $5, $6, 1, 0, $6 \
         WHERE (SELECT count(*) FROM \
         (SELECT 1 FROM mail_intents WHERE next_try IS NOT NULL LIMIT $7) AS waiting) < $7 \
         ON CONFLICT (email_key, purpose) DO UPDATE SET {taken}, \
         requests = CASE WHEN {paused} THEN 1 WHEN {allowed} THEN mail_intents.requests + 1 \
         ELSE mail_intents.requests END"
    )
}
