//! Counts of failures, which all replicas share. A key tells nothing of what it stands for, and every
//! statement is the same whether or not an account exists.

mod budgets;
mod purge;

use std::sync::LazyLock;

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, ExprTrait,
    FromQueryResult, IdenStatic, Iterable, QueryFilter, QueryResult, Statement,
    sea_query::{Expr, OnConflict},
};
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    Db, DbError,
    entity::{
        from_micros, micros,
        throttles::{ActiveModel, Column, Entity as Throttles},
        to_micros, users,
    },
    events::record,
};
pub(super) use budgets::spend;
pub use budgets::{Spending, Spent};

use crate::domain::{Budget, EmailKey, Event, Failures, Throttled, Timestamp, User};

/// What failures are counted for: 128 bits of an HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ThrottleKey(Uuid);

impl ThrottleKey {
    pub fn new(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

/// The keys of one check of a secret.
#[derive(Debug, Clone, Copy)]
pub struct ThrottleKeys {
    pub account: ThrottleKey,
    /// The source, and the account together with the source.
    pub source: Option<(ThrottleKey, ThrottleKey)>,
}

impl Db {
    /// Finds the user who has an address, and what is known of the account and the source, by one
    /// statement. Without keys, nothing is known.
    pub async fn find_login(
        &self,
        email: &EmailKey,
        keys: Option<ThrottleKeys>,
        deadline: Instant,
    ) -> Result<(Option<User>, Throttled), DbError> {
        let find = async {
            let reader = &self.inner.reader;
            let (source, known) = keys.and_then(|keys| keys.source).unzip();
            let statement = Statement::from_sql_and_values(
                reader.get_database_backend(),
                &*FIND_LOGIN,
                [
                    email.as_str().into(),
                    keys.map(|keys| keys.account.0).into(),
                    source.map(|key| key.0).into(),
                    known.map(|key| key.0).into(),
                ],
            );
            let row = reader.query_one_raw(statement).await?;
            let row = row.ok_or_else(|| DbErr::RecordNotFound("no row".to_owned()))?;
            let user = users::Model::from_query_result_optional(&row, "")?;
            Ok((user.map(User::from), throttled(&row)?))
        };
        self.read(deadline, find).await
    }

    /// Counts a failure of an account and its source by one statement. A failure of a known source
    /// counts for that source with the account too. It takes the source's budget so many uses.
    pub async fn count_failure(
        &self,
        keys: ThrottleKeys,
        state: Throttled,
        (source, times): (Budget, u32),
        now: Timestamp,
        deadline: Instant,
    ) -> Result<(), DbError> {
        let is_known = state.is_known(now);
        let (account, cleared) = (keys.account.0, state.cleared_at.map_or(0, to_micros));
        let now = to_micros(now);
        let (cost, period) = (micros(source.cost() * times), micros(source.period));
        let row = |key: ThrottleKey, spent_until| ActiveModel {
            key: Set(key.0),
            failures: Set(1),
            failed_at: Set(now),
            spent_until: Set(spent_until),
            known_since: Set(0),
        };
        let mut rows = vec![row(keys.account, 0)];
        if let Some((source, known)) = keys.source {
            rows.push(row(source, now.saturating_add(cost)));
            rows.extend(is_known.then(|| row(known, 0)));
        }
        // In one order: of two statements that lock the same rows, neither must wait for the other.
        rows.sort_by_key(|row| row.key.clone().take());
        self.write(deadline, rows, move |transaction, rows| {
            let count = Throttles::insert_many(rows.clone()).on_conflict(or_count(
                now,
                (cost, period),
                (account, cleared),
            ));
            Box::pin(async move { count.exec_without_returning(transaction).await.map(|_| ()) })
        })
        .await
    }

    /// Forgets the failures of an account, and those of one source with it.
    pub async fn clear_failures(
        &self,
        account: ThrottleKey,
        known: Option<ThrottleKey>,
        now: Timestamp,
        deadline: Instant,
    ) -> Result<(), DbError> {
        self.write(deadline, (), move |transaction, ()| {
            Box::pin(async move {
                // In one order, as they are counted.
                let mut keys = [Some(account), known]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>();
                keys.sort();
                for key in keys {
                    if key == account {
                        forget_failures(transaction, account, now).await?;
                    } else {
                        let forget = Throttles::update_many()
                            .col_expr(Column::Failures, Expr::value(0))
                            .filter(Column::Key.eq(key.0));
                        forget.exec(transaction).await?;
                    }
                }
                Ok(())
            })
        })
        .await
    }

    /// Forgets the failures of an account, with an event.
    pub async fn clear_throttle(
        &self,
        account: ThrottleKey,
        event: Event,
        deadline: Instant,
    ) -> Result<(), DbError> {
        self.write(deadline, event, move |transaction, event| {
            Box::pin(async move {
                forget_failures(transaction, account, event.at).await?;
                record(transaction, event).await
            })
        })
        .await
    }

    /// Stores that accounts logged in from sources, each by the key of both.
    pub async fn note_known_sources(
        &self,
        logins: Vec<(ThrottleKey, Timestamp)>,
        deadline: Instant,
    ) -> Result<(), DbError> {
        let mut rows: Vec<_> = logins
            .into_iter()
            .map(|(key, login)| ActiveModel {
                key: Set(key.0),
                failures: Set(0),
                failed_at: Set(0),
                spent_until: Set(0),
                known_since: Set(to_micros(login)),
            })
            .collect();
        rows.sort_by_key(|row| row.key.clone().take());
        self.write(deadline, rows, |transaction, rows| {
            let or_update = OnConflict::column(Column::Key)
                .update_column(Column::KnownSince)
                .to_owned();
            let note = Throttles::insert_many(rows.clone()).on_conflict(or_update);
            Box::pin(async move { note.exec_without_returning(transaction).await.map(|_| ()) })
        })
        .await
    }
}

/// Forgets the failures of an account, and by the time those of all its known sources.
pub(super) async fn forget_failures(
    transaction: &DatabaseTransaction,
    account: ThrottleKey,
    now: Timestamp,
) -> Result<(), DbErr> {
    let forget = Throttles::update_many()
        .col_expr(Column::Failures, Expr::value(0))
        .col_expr(Column::KnownSince, Expr::value(to_micros(now)))
        .filter(Column::Key.eq(account.0));
    forget.exec(transaction).await.map(|_| ())
}

/// A row that is there counts one more, or begins anew where its failures were forgotten, and a source's
/// budget is spent from now on, or further. It is never spent further than it is restored in a period:
/// [`Budget::admit`] takes more for a clock that was set back.
fn or_count(now: i64, (cost, period): (i64, i64), (account, cleared): (Uuid, i64)) -> OnConflict {
    let stored = |column| Expr::col((Throttles, column));
    let new = |column| Expr::col(("excluded", column));
    let is_source = new(Column::SpentUntil).gt(0);
    let is_spent = stored(Column::SpentUntil).between(now, now.saturating_add(2 * period));
    let most = now.saturating_add(period);
    let is_overdrawn = stored(Column::SpentUntil).gt(most.saturating_sub(cost));
    let spent_until = Expr::case(
        is_source.clone().and(is_spent.clone()).and(is_overdrawn),
        Expr::value(most),
    )
    .case(
        is_source.and(is_spent),
        stored(Column::SpentUntil).add(cost),
    );
    // Of a known source. The account's own row forgets by itself, whatever the clock says.
    let is_cleared = stored(Column::FailedAt)
        .lte(cleared)
        .and(stored(Column::Key).ne(account));
    let failures = Expr::case(is_cleared, Expr::value(1));
    OnConflict::column(Column::Key)
        .value(
            Column::Failures,
            failures.finally(stored(Column::Failures).add(1)),
        )
        .update_column(Column::FailedAt)
        .value(
            Column::SpentUntil,
            spent_until.finally(new(Column::SpentUntil)),
        )
        .to_owned()
}

/// The users' columns by name, as every release reads those that it knows.
static FIND_LOGIN: LazyLock<String> = LazyLock::new(|| {
    let columns = users::Column::iter().map(|column| format!("u.{}", column.as_str()));
    let columns: Vec<_> = columns.collect();
    format!(
        "SELECT {}, a.failures AS a_failures, a.failed_at AS a_failed_at, \
         a.known_since AS a_cleared_at, s.spent_until AS s_spent_until, \
         k.failures AS k_failures, k.failed_at AS k_failed_at, k.known_since AS k_known_since \
         FROM (SELECT 1 AS one) AS o LEFT JOIN users AS u ON u.email_key = $1 \
         LEFT JOIN throttles AS a ON a.key = $2 LEFT JOIN throttles AS s ON s.key = $3 \
         LEFT JOIN throttles AS k ON k.key = $4",
        columns.join(", ")
    )
});

fn throttled(row: &QueryResult) -> Result<Throttled, DbErr> {
    let failures = |count: &str, last: &str| {
        let count: Option<i32> = row.try_get("", count)?;
        let last: Option<i64> = row.try_get("", last)?;
        let failures = count.zip(last).filter(|(count, _)| *count > 0);
        Ok::<_, DbErr>(failures.map(|(count, last)| Failures {
            count: count.unsigned_abs(),
            last: from_micros(last),
        }))
    };
    let time = |column: &str| {
        let time: Option<i64> = row.try_get("", column)?;
        Ok::<_, DbErr>(time.filter(|time| *time > 0).map(from_micros))
    };
    Ok(Throttled {
        account: failures("a_failures", "a_failed_at")?,
        cleared_at: time("a_cleared_at")?,
        source_spent_until: time("s_spent_until")?,
        known_since: time("k_known_since")?,
        known: failures("k_failures", "k_failed_at")?,
    })
}
