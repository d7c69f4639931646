//! Budgets that are spent in the transaction of what they limit.

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, QueryFilter,
    sea_query::{Expr, OnConflict},
};
use tokio::time::Instant;
use uuid::Uuid;

use super::{ThrottleKey, or_count};
use crate::{
    db::{
        Db, DbError,
        entity::{
            from_micros, micros,
            throttles::{ActiveModel, Column, Entity as Throttles},
            to_micros,
        },
    },
    domain::{Budget, Timestamp},
};

/// One use of a budget.
#[derive(Debug, Clone, Copy)]
pub struct Spending {
    /// Whose budget it is.
    pub key: ThrottleKey,
    pub budget: Budget,
}

/// Whether budgets were spent. Where one is used up, none is.
pub type Spent = Result<(), std::time::Duration>;

impl Db {
    /// Whether a budget has a use left. It is spent later, in a transaction.
    pub async fn has_budget(
        &self,
        spending: Spending,
        now: Timestamp,
        deadline: Instant,
    ) -> Result<Spent, DbError> {
        let row = Throttles::find_by_id(spending.key.0).one(&self.inner.reader);
        let row = self.read(deadline, row).await?;
        let spent_until = row.map(|row| from_micros(row.spent_until));
        Ok(spending.budget.admit(spent_until, now))
    }

    /// Spends budgets.
    pub async fn spend(
        &self,
        spendings: Vec<Spending>,
        now: Timestamp,
        deadline: Instant,
    ) -> Result<Spent, DbError> {
        self.write(deadline, spendings, move |transaction, spendings| {
            Box::pin(spend(transaction, spendings, now))
        })
        .await
    }
}

/// Spends budgets, or none where one is used up: then the result is when it has a use again. Of
/// concurrent transactions one gets the last use; another may have spent its other budgets in vain.
pub(in crate::db) async fn spend(
    transaction: &DatabaseTransaction,
    spendings: &[Spending],
    now: Timestamp,
) -> Result<Spent, DbErr> {
    let keys = spendings.iter().map(|spending| spending.key.0);
    let rows = Throttles::find().filter(Column::Key.is_in(keys));
    let rows = rows.all(transaction).await?;
    for Spending { key, budget } in spendings {
        let row = rows.iter().find(|row| row.key == key.0);
        let spent_until = row.map(|row| from_micros(row.spent_until));
        if let Err(wait) = budget.admit(spent_until, now) {
            return Ok(Err(wait));
        }
    }
    // One statement each: their costs differ. In one order, as in `count_failure`.
    let mut spendings = spendings.to_vec();
    spendings.sort_by_key(|spending| spending.key);
    for Spending { key, budget } in spendings {
        let (now, cost) = (to_micros(now), micros(budget.cost()));
        let row = ActiveModel {
            key: Set(key.0),
            failures: Set(0),
            failed_at: Set(now),
            spent_until: Set(now.saturating_add(cost)),
            known_since: Set(0),
        };
        let spend = Throttles::insert(row).on_conflict(or_spend(now, &budget));
        if spend.exec_without_returning(transaction).await? == 0 {
            return Ok(Err(budget.cost()));
        }
    }
    Ok(Ok(()))
}

/// As [`or_count`], where [`Budget::admit`] allows it; otherwise no row is written.
fn or_spend(now: i64, budget: &Budget) -> OnConflict {
    let (cost, period) = (micros(budget.cost()), micros(budget.period));
    let spent_until = || Expr::col((Throttles, Column::SpentUntil));
    let has_use = spent_until().lte(now.saturating_add(period - cost));
    let was_set_back = spent_until().gt(now.saturating_add(2 * period));
    or_count(now, (cost, period), (Uuid::nil(), 0))
        .action_and_where(has_use.or(was_set_back))
        .to_owned()
}
