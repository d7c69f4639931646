//! Events: written in the transaction of the change that they tell of, so that neither is there
//! without the other.

use sea_orm::{ActiveValue::Set, DatabaseTransaction, DbErr, EntityTrait};

use super::entity::{
    events::{ActiveModel, Entity as Events, kind_column},
    to_micros,
};
use crate::domain::{Event, EventId, SessionId, UserId};

/// Writes an event.
pub(super) async fn record(transaction: &DatabaseTransaction, event: &Event) -> Result<(), DbErr> {
    let client = &event.origin.client;
    let row = ActiveModel {
        id: Set(EventId::uuid(event.id)),
        kind: Set(kind_column(event.kind)),
        at: Set(to_micros(event.at)),
        user_id: Set(event.user_id.map(UserId::uuid)),
        session_id: Set(event.session_id.map(SessionId::uuid)),
        caller: Set(event.origin.caller.as_ref().map(ToString::to_string)),
        ip: Set(client.ip.map(|ip| ip.to_string())),
        user_agent: Set(client.user_agent.clone()),
        count: Set(1),
    };
    Events::insert(row)
        .exec_without_returning(transaction)
        .await
        .map(|_| ())
}
