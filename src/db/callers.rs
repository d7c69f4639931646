//! Callers: added, found by key or certificate, given further keys and removed.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Expr, LockType},
};
use tokio::time::Instant;

use super::{
    Db, DbError,
    entity::{
        callers::{self, Column, Entity as Callers, grants, identities, keys},
        from_micros, to_micros,
    },
    events::record,
    query::or_nothing,
};
use crate::domain::{
    Caller, CallerKey, CallerKeyId, CallerName, CallerRecord, CertificateIdentity, Event, Timestamp,
};

/// The outcome of adding a caller; nothing was changed unless it was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum AddedCaller {
    /// The caller was added.
    Added,
    /// There is a caller of this name.
    NameTaken,
    /// An identity belongs to another caller.
    IdentityTaken,
}

impl Db {
    /// Adds a caller with its first key.
    pub async fn add_caller(
        &self,
        caller: CallerRecord,
        event: Event,
        deadline: Instant,
    ) -> Result<AddedCaller, DbError> {
        let input = (caller, event);
        self.write(deadline, input, |transaction, (caller, event)| {
            Box::pin(add(transaction, caller, event))
        })
        .await
    }

    /// Gives a caller a further key, lets its other keys end and deletes those that have expired.
    /// Returns whether there is such a caller.
    pub async fn rotate_caller_key(
        &self,
        name: CallerName,
        key: CallerKey,
        others_until: Timestamp,
        deadline: Instant,
    ) -> Result<bool, DbError> {
        let input = (name, key);
        self.write(deadline, input, move |transaction, (name, key)| {
            Box::pin(rotate(transaction, name, key, others_until))
        })
        .await
    }

    /// Removes the keys of a caller that have an end, however far it is.
    pub async fn end_overlap(&self, name: CallerName, deadline: Instant) -> Result<(), DbError> {
        self.write(deadline, name, |transaction, name| {
            let end = keys::Entity::delete_many()
                .filter(keys::Column::Caller.eq(name.to_string()))
                .filter(keys::Column::ExpiresAt.is_not_null());
            Box::pin(async move { end.exec(transaction).await.map(drop) })
        })
        .await
    }

    /// Removes a caller with its keys, grants and identities. Returns whether there was one.
    pub async fn remove_caller(
        &self,
        name: CallerName,
        event: Event,
        deadline: Instant,
    ) -> Result<bool, DbError> {
        let input = (name, event);
        self.write(deadline, input, |transaction, (name, event)| {
            Box::pin(async move {
                let remove = Callers::delete_by_id(name.to_string());
                let is_removed = remove.exec(transaction).await?.rows_affected > 0;
                if is_removed {
                    record(transaction, event).await?;
                }
                Ok(is_removed)
            })
        })
        .await
    }

    /// Finds a key and its caller by one statement.
    pub async fn find_caller_key(
        &self,
        id: CallerKeyId,
        deadline: Instant,
    ) -> Result<Option<(CallerKey, Caller)>, DbError> {
        let query = keys::Entity::find_by_id(id.uuid()).find_also_related(grants::Entity);
        let rows = self.read(deadline, query.all(&self.inner.reader)).await?;
        let (found, granted): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
        Ok(found.into_iter().next().and_then(|key| {
            let caller = caller(&key.caller, granted.into_iter().flatten())?;
            Some((key.into(), caller))
        }))
    }

    /// Finds the caller that a certificate's name belongs to, by one statement.
    pub async fn find_caller_by_identity(
        &self,
        identity: &CertificateIdentity,
        deadline: Instant,
    ) -> Result<Option<Caller>, DbError> {
        let query =
            identities::Entity::find_by_id(identity.to_string()).find_also_related(grants::Entity);
        let rows = self.read(deadline, query.all(&self.inner.reader)).await?;
        let (found, granted): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
        let name = found.into_iter().next().map(|row| row.caller);
        Ok(name.and_then(|name| caller(&name, granted.into_iter().flatten())))
    }

    /// All callers in the order of their names.
    pub async fn list_callers(&self, deadline: Instant) -> Result<Vec<CallerRecord>, DbError> {
        let reader = &self.inner.reader;
        let callers = Callers::find().order_by_asc(Column::Name);
        let callers = self.read(deadline, callers.all(reader)).await?;
        let grants = self.read(deadline, grants::Entity::find().all(reader));
        let grants = grants.await?;
        let keys = keys::Entity::find().order_by_asc(keys::Column::Id);
        let keys = self.read(deadline, keys.all(reader)).await?;
        let names = identities::Entity::find().order_by_asc(identities::Column::Identity);
        let names = self.read(deadline, names.all(reader)).await?;
        let mut grants = by_caller(grants, |row| row.caller.clone());
        let mut keys = by_caller(keys, |row| row.caller.clone());
        let mut names = by_caller(names, |row| row.caller.clone());
        let record = |row: callers::Model| {
            let mine = grants.remove(&row.name).unwrap_or_default();
            let identities = names.remove(&row.name).unwrap_or_default();
            Some(CallerRecord {
                caller: caller(&row.name, mine)?,
                created_at: from_micros(row.created_at),
                identities: identities
                    .iter()
                    .filter_map(|row| CertificateIdentity::parse(&row.identity))
                    .collect(),
                keys: keys
                    .remove(&row.name)
                    .unwrap_or_default()
                    .into_iter()
                    .map(CallerKey::from)
                    .collect(),
            })
        };
        Ok(callers.into_iter().filter_map(record).collect())
    }
}

async fn rotate(
    transaction: &DatabaseTransaction,
    name: &CallerName,
    key: &CallerKey,
    others_until: Timestamp,
) -> Result<bool, DbErr> {
    // Locked: of two rotations at once, the later must find the earlier one's key.
    let caller = Callers::find_by_id(name.to_string()).lock(LockType::NoKeyUpdate);
    if caller.one(transaction).await?.is_none() {
        return Ok(false);
    }
    let (created_at, until) = (to_micros(key.created_at), to_micros(others_until));
    keys::Entity::delete_many()
        .filter(keys::Column::Caller.eq(name.to_string()))
        .filter(keys::Column::ExpiresAt.lte(created_at))
        .exec(transaction)
        .await?;
    // An end is only ever brought forward.
    let ends_later = Condition::any()
        .add(keys::Column::ExpiresAt.is_null())
        .add(keys::Column::ExpiresAt.gt(until));
    keys::Entity::update_many()
        .col_expr(keys::Column::ExpiresAt, Expr::value(until))
        .filter(keys::Column::Caller.eq(name.to_string()))
        .filter(ends_later)
        .exec(transaction)
        .await?;
    keys::Entity::insert(key_row(name, key))
        .exec_without_returning(transaction)
        .await?;
    Ok(true)
}

/// Returns whether no identity belonged to another caller.
async fn add_identities(
    transaction: &DatabaseTransaction,
    new: &CallerRecord,
) -> Result<bool, DbErr> {
    // A set: an identity that is named twice does not conflict with itself.
    let named: BTreeSet<_> = new.identities.iter().map(ToString::to_string).collect();
    for identity in named {
        let row = identities::ActiveModel {
            identity: Set(identity),
            caller: Set(new.caller.name.to_string()),
        };
        let added = identities::Entity::insert(row).on_conflict(or_nothing());
        let added = added.exec_with_returning_many(transaction).await?;
        if added.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn add(
    transaction: &DatabaseTransaction,
    new: &CallerRecord,
    event: &Event,
) -> Result<AddedCaller, DbErr> {
    let name = &new.caller.name;
    let row = callers::ActiveModel {
        name: Set(name.to_string()),
        created_at: Set(to_micros(new.created_at)),
    };
    let added = Callers::insert(row).on_conflict(or_nothing());
    if added
        .exec_with_returning_many(transaction)
        .await?
        .is_empty()
    {
        return Ok(AddedCaller::NameTaken);
    }
    if !add_identities(transaction, new).await? {
        // Foreign keys delete the identities that were added.
        Callers::delete_by_id(name.to_string())
            .exec(transaction)
            .await?;
        return Ok(AddedCaller::IdentityTaken);
    }
    let grant = |method: &String| grants::ActiveModel {
        caller: Set(name.to_string()),
        method: Set(method.clone()),
    };
    grants::Entity::insert_many(new.caller.grants.iter().map(grant))
        .exec_without_returning(transaction)
        .await?;
    keys::Entity::insert_many(new.keys.iter().map(|key| key_row(name, key)))
        .exec_without_returning(transaction)
        .await?;
    record(transaction, event).await?;
    Ok(AddedCaller::Added)
}

fn key_row(caller: &CallerName, key: &CallerKey) -> keys::ActiveModel {
    keys::ActiveModel {
        id: Set(key.id.uuid()),
        caller: Set(caller.to_string()),
        secret_hash: Set(key.secret_hash.as_bytes().to_vec()),
        created_at: Set(to_micros(key.created_at)),
        expires_at: Set(key.expires_at.map(to_micros)),
    }
}

/// `None`: the stored name is not a valid name.
fn caller(name: &str, granted: impl IntoIterator<Item = grants::Model>) -> Option<Caller> {
    Some(Caller {
        name: CallerName::parse(name)?,
        grants: granted
            .into_iter()
            .map(|grant| grant.method)
            .collect::<BTreeSet<_>>(),
    })
}

fn by_caller<T>(rows: Vec<T>, caller: fn(&T) -> String) -> BTreeMap<String, Vec<T>> {
    let mut sorted = BTreeMap::<_, Vec<T>>::new();
    for row in rows {
        sorted.entry(caller(&row)).or_default().push(row);
    }
    sorted
}
