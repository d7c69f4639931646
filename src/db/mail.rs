//! Mail to be sent: intents, which hold no secret and no text. The statement that stores a request also
//! applies the limits.

mod owners;
mod sending;

use std::{sync::LazyLock, time::Duration};

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, Statement};
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    Db, DbError, Spending,
    entity::{mail_intents::purpose_column, micros, to_micros, users},
    throttles::spend,
};
use crate::domain::{ClientInfo, Email, MailPurpose, SessionId, Timestamp, UserId};

pub(super) use sending::is_as_claimed;
pub use sending::{MailIntent, MailWaiting, Requester};

/// The least time between two mails to an address for one purpose and user.
const SPACING: Duration = Duration::from_mins(1);
/// The number of mails after which the time is a pause.
const MOST: i32 = 5;
/// The longest pause. Where a token lives shorter the pause is as long as it lives, so that there is
/// always mail with a token that works.
const PAUSE: Duration = Duration::from_mins(15);
/// The time without mail after which the count starts anew.
const WINDOW: Duration = Duration::from_hours(1);

/// A request for mail.
#[derive(Debug)]
pub struct MailRequest {
    /// The address that was given.
    pub to: Email,
    /// The purpose of the mail.
    pub purpose: MailPurpose,
    /// The user who asked. `None`: the request came without a session, and the mail goes to the user
    /// who has the address, if there is one.
    pub by: Option<UserId>,
    /// The session that asked.
    pub session: Option<SessionId>,
    /// The end user's client.
    pub client: ClientInfo,
    /// How long the token of the mail lives.
    pub lifetime: Duration,
    /// The time of the request.
    pub now: Timestamp,
    /// How long the mail waits before it is due.
    pub delay: Duration,
    /// The budgets that the request spends.
    pub spends: Vec<Spending>,
}

/// A notice to a user.
#[derive(Debug)]
pub(super) struct Notice<'a> {
    user: &'a users::Model,
    purpose: MailPurpose,
}

impl<'a> Notice<'a> {
    /// A notice to the address that the user has in this row.
    pub(super) fn to_user(user: &'a users::Model, purpose: MailPurpose) -> Self {
        Self { user, purpose }
    }
}

/// The outcome of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Queued {
    /// The request waits, or exceeded a limit and changed nothing; callers cannot see which.
    Yes,
    /// The queue is full.
    Full,
    /// A budget is used up; nothing was changed.
    TooOften {
        /// When it has a use again.
        retry_after: Duration,
    },
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
}

/// Requests a notice in the transaction of the change that it reports. It is queued however much mail
/// waits; the limits of its address hold, so of several changes in a minute the first is reported. An
/// address that does not parse was not stored by this service and cannot be mailed.
pub(super) async fn enqueue_notice(
    transaction: &DatabaseTransaction,
    notice: Notice<'_>,
    now: Timestamp,
) -> Result<(), DbErr> {
    let Ok(to) = Email::parse(&notice.user.email) else {
        return Ok(());
    };
    let request = MailRequest {
        to,
        purpose: notice.purpose,
        by: Some(UserId::new(notice.user.id)),
        session: None,
        client: ClientInfo::default(),
        lifetime: PAUSE,
        now,
        delay: Duration::ZERO,
        spends: Vec::new(),
    };
    enqueue(transaction, &request, u32::MAX).await.map(drop)
}

pub(super) async fn enqueue(
    transaction: &DatabaseTransaction,
    request: &MailRequest,
    queue: u32,
) -> Result<Queued, DbErr> {
    if !request.spends.is_empty()
        && let Err(retry_after) = spend(transaction, &request.spends, request.now).await?
    {
        return Ok(Queued::TooOften { retry_after });
    }
    let client = &request.client;
    let statement = Statement::from_sql_and_values(
        transaction.get_database_backend(),
        &*ENQUEUE,
        [
            request.to.key().as_str().into(),
            purpose_column(request.purpose).into(),
            request.by.map_or(Uuid::nil(), UserId::uuid).into(),
            request.session.map(SessionId::uuid).into(),
            request.by.map(|_| request.to.as_given().to_owned()).into(),
            client.ip.map(|ip| ip.to_string()).into(),
            client.user_agent.clone().into(),
            to_micros(request.now).into(),
            i64::from(queue).into(),
            micros(PAUSE.min(request.lifetime)).into(),
            micros(request.delay).into(),
        ],
    );
    Ok(
        match transaction.execute_raw(statement).await?.rows_affected() {
            0 => Queued::Full,
            _ => Queued::Yes,
        },
    )
}

/// The earliest time of the next mail is a time or a pause after the former. A request before it writes
/// the stored values again, so it does the same work and counts as a row; but where the former mail or
/// its token was ended, so that the user has neither, the mail is sent at the earliest time. No row:
/// the queue is full.
static ENQUEUE: LazyLock<String> = LazyLock::new(|| {
    let (spacing, window) = (micros(SPACING), micros(WINDOW));
    let former = |column: &str| format!("mail_intents.{column}");
    let requested_at = former("requested_at");
    // A stored time that is still to come is of mail that was never sent: it counts from now, or each
    // end of it and request would push it further.
    let base = format!(
        "CASE WHEN {requested_at} > excluded.requested_at \
         THEN excluded.requested_at ELSE {requested_at} END"
    );
    let earliest = format!(
        "({base} + CASE WHEN {} < {MOST} THEN {spacing} ELSE CAST($10 AS BIGINT) END)",
        former("requests")
    );
    let is_due = format!("excluded.requested_at >= {earliest}");
    let is_taken = format!("({is_due} OR {})", former("voided"));
    let either = |column: &str, taken: &str| {
        let former = former(column);
        format!("{column} = CASE WHEN {is_taken} THEN {taken} ELSE {former} END")
    };
    let new = |column: &str| either(column, &format!("excluded.{column}"));
    let at = format!("CASE WHEN {is_due} THEN excluded.requested_at ELSE {earliest} END");
    let count = format!(
        "CASE WHEN excluded.requested_at >= {requested_at} + {window} THEN 1 ELSE {} + 1 END",
        former("requests")
    );
    let set = [
        new("session_id"),
        new("address"),
        new("ip"),
        new("user_agent"),
        new("attempts"),
        new("voided"),
        new("looked_up"),
        either("requested_at", &at),
        either("next_try", &format!("{at} + CAST($11 AS BIGINT)")),
        either("requests", &count),
    ]
    .join(", ");
    format!(
        "INSERT INTO mail_intents (email_key, purpose, user_id, session_id, address, ip, user_agent, \
         requested_at, requests, attempts, next_try, voided, looked_up) \
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, 1, 0, $8 + CAST($11 AS BIGINT), FALSE, FALSE \
         WHERE (SELECT count(*) FROM \
         (SELECT 1 FROM mail_intents WHERE next_try IS NOT NULL LIMIT $9) AS waiting) < $9 \
         ON CONFLICT (email_key, purpose, user_id) DO UPDATE SET {set}"
    )
});
