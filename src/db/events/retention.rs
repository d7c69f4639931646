//! The retention of events, and of the IP addresses and user agents in them.

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
    /// Deletes events from before a time, at most `batch` of them. Returns how many.
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

    /// Clears IP address and user agent of events from before a time, at most `batch` of them. Returns
    /// how many.
    pub async fn clear_event_clients(
        &self,
        before: Timestamp,
        batch: u64,
        deadline: Instant,
    ) -> Result<u64, DbError> {
        self.write(deadline, (), move |transaction, ()| {
            // The condition of the index `events_clients_idx`, which is not used for any other.
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
