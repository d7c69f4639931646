//! Events. The event of a change is written in the transaction of the change, so that neither exists
//! without the other; `outcomes` writes the events of logins, which change nothing.

mod outcomes;
mod retention;

use sea_orm::{
    ActiveValue::Set, ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, Select,
};
use tokio::time::Instant;

use super::{
    Db, DbError,
    entity::{
        events::{ActiveModel, Column, Entity as Events, kind_column},
        to_micros,
    },
    query::page_after,
};
use crate::domain::{Event, EventFilter, EventId, SessionId, StoredEvent, UserId, uuid_v7};

pub(super) async fn record(transaction: &DatabaseTransaction, event: &Event) -> Result<(), DbErr> {
    Events::insert(row(event, 1))
        .exec_without_returning(transaction)
        .await
        .map(drop)
}

/// Writes events by one statement.
pub(super) async fn record_all(
    transaction: &DatabaseTransaction,
    events: impl Iterator<Item = &Event>,
) -> Result<(), DbErr> {
    Events::insert_many(events.map(|event| row(event, 1)))
        .exec_without_returning(transaction)
        .await
        .map(drop)
}

fn row(event: &Event, count: i64) -> ActiveModel {
    let client = &event.origin.client;
    ActiveModel {
        id: Set(EventId::uuid(event.id)),
        kind: Set(kind_column(event.kind)),
        at: Set(to_micros(event.at)),
        user_id: Set(event.user_id.map(UserId::uuid)),
        session_id: Set(event.session_id.map(SessionId::uuid)),
        caller: Set(event.origin.caller.as_ref().map(ToString::to_string)),
        ip: Set(client.ip.map(|ip| ip.to_string())),
        user_agent: Set(client.user_agent.clone()),
        count: Set(count),
    }
}

impl Db {
    /// Events in the order of their ids, from the one after `after` on.
    pub async fn list_events(
        &self,
        filter: &EventFilter,
        after: Option<EventId>,
        limit: u64,
        deadline: Instant,
    ) -> Result<Vec<StoredEvent>, DbError> {
        let after = after.map(EventId::uuid);
        let page = page_after(selected(filter), Column::Id, after, limit);
        let rows = self.read(deadline, page.all(&self.inner.reader)).await?;
        Ok(rows.into_iter().map(StoredEvent::from).collect())
    }
}

/// An id begins with the millisecond of its event, so a time bounds ids, by which events are sorted.
fn selected(filter: &EventFilter) -> Select<Events> {
    let mut query = Events::find();
    if let Some(user_id) = filter.user_id {
        query = query.filter(Column::UserId.eq(user_id.uuid()));
    }
    if !filter.kinds.is_empty() {
        let kinds = filter.kinds.iter().map(|kind| kind_column(*kind));
        query = query.filter(Column::Kind.is_in(kinds));
    }
    if let Some(since) = filter.since {
        query = query
            .filter(Column::Id.gte(uuid_v7(since, [0; 10])))
            .filter(Column::At.gte(to_micros(since)));
    }
    if let Some(until) = filter.until {
        query = query
            .filter(Column::Id.lte(uuid_v7(until, [0xFF; 10])))
            .filter(Column::At.lt(to_micros(until)));
    }
    query
}
