//! How long events are kept, and for how much of that the addresses in them.

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, Select, sea_query::Expr};
use tokio::time::Instant;

use crate::{
    db::{
        Db, DbError,
        entity::{
            events::{Column, Entity as Events},
            to_micros,
        },
        query::some_ids,
    },
    domain::Timestamp,
};

impl Db {
    /// Deletes events from before an instant, some at a time. Returns how many.
    ///
    /// # Errors
    /// The database failed.
    pub async fn purge_events(
        &self,
        before: Timestamp,
        batch: u64,
        deadline: Instant,
    ) -> Result<u64, DbError> {
        self.write(deadline, (), move |transaction, ()| {
            let old = some_ids(older(before), Column::Id, batch);
            let purge = Events::delete_many().filter(Column::Id.in_subquery(old));
            Box::pin(async move { Ok(purge.exec(transaction).await?.rows_affected) })
        })
        .await
    }

    /// Takes address and user agent from events from before an instant, some at a time. Returns from
    /// how many.
    ///
    /// # Errors
    /// The database failed.
    pub async fn clear_event_clients(
        &self,
        before: Timestamp,
        batch: u64,
        deadline: Instant,
    ) -> Result<u64, DbError> {
        self.write(deadline, (), move |transaction, ()| {
            // As the index `events_clients_idx` has it, or that would not be used.
            let has_client = Condition::any()
                .add(Column::Ip.is_not_null())
                .add(Column::UserAgent.is_not_null());
            let old = some_ids(older(before).filter(has_client), Column::Id, batch);
            let clear = Events::update_many()
                .col_expr(Column::Ip, Expr::value(None::<String>))
                .col_expr(Column::UserAgent, Expr::value(None::<String>))
                .filter(Column::Id.in_subquery(old));
            Box::pin(async move { Ok(clear.exec(transaction).await?.rows_affected) })
        })
        .await
    }
}

fn older(than: Timestamp) -> Select<Events> {
    Events::find().filter(Column::At.lt(to_micros(than)))
}
