//! Users of other systems, many in one transaction. An import only inserts: a user who exists is neither
//! changed nor merged.

use std::collections::HashSet;

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait,
    QueryFilter, QuerySelect, QueryTrait, Select, sea_query::ExprTrait,
};
use tokio::time::Instant;
use uuid::Uuid;

use crate::db::{
    Db, DbError,
    entity::{
        erased_users,
        one_time_tokens::{self, Entity as OneTimeTokens},
        to_micros,
        users::{ActiveModel, Column, Entity as Users, scheme_column, status_column},
    },
    events::record_all,
    query::{kept_addresses, or_nothing},
};
use crate::domain::{Event, ImportedUser, UserId};

/// A user to import.
#[derive(Debug, Clone)]
pub struct NewImport {
    /// The id in the other system, or a new one.
    pub id: UserId,
    /// The user as the other system had them.
    pub user: ImportedUser,
    /// Recorded when the user is imported, at the time of the event.
    pub event: Event,
}

/// The outcome of importing a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum ImportOutcome {
    /// The user was imported, or could be.
    Added,
    /// The id or the address is taken; nothing was changed.
    Taken {
        /// The id belongs to a user, or belonged to an erased one.
        id: bool,
        /// The address belongs to a user, or is kept for one.
        email: bool,
    },
}

/// The ids and addresses of some rows that are taken.
struct Occupied {
    ids: HashSet<Uuid>,
    addresses: HashSet<String>,
}

impl Db {
    /// Imports users and returns the outcome of each, in their order. Of two that exclude each other the
    /// first is imported.
    pub async fn add_imported_users(
        &self,
        users: Vec<NewImport>,
        deadline: Instant,
    ) -> Result<Vec<ImportOutcome>, DbError> {
        self.write(deadline, users, |transaction, users| {
            Box::pin(import(transaction, users))
        })
        .await
    }

    /// The outcome that importing each user alone would have. Changes nothing.
    pub async fn check_imported_users(
        &self,
        users: &[NewImport],
        deadline: Instant,
    ) -> Result<Vec<ImportOutcome>, DbError> {
        let find = Occupied::find(&self.inner.reader, users.iter());
        let occupied = self.read(deadline, find).await?;
        Ok(users.iter().map(|user| occupied.judge(user)).collect())
    }
}

async fn import(
    transaction: &DatabaseTransaction,
    users: &[NewImport],
) -> Result<Vec<ImportOutcome>, DbErr> {
    let occupied = Occupied::find(transaction, users.iter()).await?;
    let mut outcomes = occupied.judge_all(users);
    let free = users
        .iter()
        .zip(&outcomes)
        .filter(|(_, outcome)| **outcome == ImportOutcome::Added)
        .map(|(user, _)| user);
    let free: Vec<_> = free.collect();
    let added = insert(transaction, free.iter().map(|user| row(user))).await?;
    let is_added = |user: &&NewImport| added.contains(&user.id.uuid());
    let (added, late): (Vec<_>, Vec<_>) = free.into_iter().partition(is_added);
    record_all(transaction, added.iter().map(|user| &user.event)).await?;
    if late.is_empty() {
        return Ok(outcomes);
    }
    // Another transaction was faster.
    let occupied = Occupied::find(transaction, late.iter().copied()).await?;
    for (user, outcome) in users.iter().zip(&mut outcomes) {
        if *outcome == ImportOutcome::Added && late.iter().any(|late| late.id == user.id) {
            *outcome = occupied.judge_refused(user);
        }
    }
    Ok(outcomes)
}

/// Inserts the rows whose id and address are free, and returns their ids. Rows with the id of a user who
/// was erased while this waited are deleted at once: the id of an erased user is never used again.
async fn insert(
    transaction: &DatabaseTransaction,
    rows: impl Iterator<Item = ActiveModel>,
) -> Result<HashSet<Uuid>, DbErr> {
    let added = Users::insert_many(rows)
        .on_conflict(or_nothing())
        .exec_with_returning(transaction)
        .await?;
    let mut added: HashSet<_> = added.into_iter().map(|row| row.id).collect();
    let late = Users::delete_many()
        .filter(Column::Id.is_in(added.iter().copied()))
        .filter(Column::Id.in_subquery(erased_ids().into_query()))
        .exec_with_returning(transaction)
        .await?;
    for row in late {
        added.remove(&row.id);
    }
    Ok(added)
}

fn row(import: &NewImport) -> ActiveModel {
    let user = &import.user;
    let now = import.event.at;
    ActiveModel {
        id: Set(import.id.uuid()),
        email: Set(user.email.as_given().to_owned()),
        email_key: Set(user.email.key().as_str().to_owned()),
        hashed_password: Set(Some(user.password.hashed.as_str().to_owned())),
        password_scheme: Set(scheme_column(user.password.scheme)),
        status: Set(status_column(user.status)),
        session_epoch: Set(0),
        version: Set(1),
        request_id: Set(None),
        email_verified_at: Set(user.email_verified.then(|| to_micros(now))),
        created_at: Set(to_micros(user.created_at.unwrap_or(now))),
        updated_at: Set(to_micros(now)),
    }
}

fn erased_ids() -> Select<erased_users::Entity> {
    erased_users::Entity::find()
        .select_only()
        .column(erased_users::Column::Id)
}

/// The ids of the rows that belonged to users who were erased.
async fn erased(
    connection: &impl ConnectionTrait,
    users: impl Iterator<Item = &NewImport>,
) -> Result<HashSet<Uuid>, DbErr> {
    let ids = users.map(|user| user.id.uuid());
    let erased = erased_ids()
        .filter(erased_users::Column::Id.is_in(ids))
        .into_tuple()
        .all(connection);
    Ok(erased.await?.into_iter().collect())
}

/// The users who have an id or an address of the rows.
async fn existing(
    connection: &impl ConnectionTrait,
    users: impl Iterator<Item = &NewImport> + Clone,
) -> Result<Vec<(Uuid, String)>, DbErr> {
    let ids = users.clone().map(|user| user.id.uuid());
    let keys = users.map(|user| user.user.email.key().as_str());
    Users::find()
        .filter(Column::Id.is_in(ids).or(Column::EmailKey.is_in(keys)))
        .select_only()
        .column(Column::Id)
        .column(Column::EmailKey)
        .into_tuple()
        .all(connection)
        .await
}

/// The addresses of the rows that are kept for the users who had them.
async fn kept(
    connection: &impl ConnectionTrait,
    users: impl Iterator<Item = &NewImport> + Clone,
) -> Result<Vec<String>, DbErr> {
    let Some(now) = users.clone().map(|user| user.event.at).next() else {
        return Ok(Vec::new());
    };
    let keys = users.map(|user| user.user.email.key().as_str());
    OneTimeTokens::find()
        .filter(kept_addresses(now))
        .filter(one_time_tokens::Column::NewEmailKey.is_in(keys))
        .select_only()
        .column(one_time_tokens::Column::NewEmailKey)
        .into_tuple()
        .all(connection)
        .await
}

impl Occupied {
    async fn find(
        connection: &impl ConnectionTrait,
        users: impl Iterator<Item = &NewImport> + Clone,
    ) -> Result<Self, DbErr> {
        let mut occupied = Self {
            ids: erased(connection, users.clone()).await?,
            addresses: HashSet::new(),
        };
        occupied.extend(existing(connection, users.clone()).await?);
        occupied.addresses.extend(kept(connection, users).await?);
        Ok(occupied)
    }

    fn extend(&mut self, users: impl IntoIterator<Item = (Uuid, String)>) {
        for (id, address) in users {
            self.ids.insert(id);
            self.addresses.insert(address);
        }
    }

    /// In their order: an id or address that one takes is not free for the next.
    fn judge_all(mut self, users: &[NewImport]) -> Vec<ImportOutcome> {
        let outcomes = users.iter().map(|user| {
            let outcome = self.judge(user);
            if outcome == ImportOutcome::Added {
                let address = user.user.email.key().as_str().to_owned();
                self.extend([(user.id.uuid(), address)]);
            }
            outcome
        });
        outcomes.collect()
    }

    fn judge(&self, user: &NewImport) -> ImportOutcome {
        let id = self.ids.contains(&user.id.uuid());
        let email = self.addresses.contains(user.user.email.key().as_str());
        if id || email {
            ImportOutcome::Taken { id, email }
        } else {
            ImportOutcome::Added
        }
    }

    /// The outcome of a refused user. The user who held the address may have been erased since.
    fn judge_refused(&self, user: &NewImport) -> ImportOutcome {
        match self.judge(user) {
            ImportOutcome::Added => ImportOutcome::Taken {
                id: false,
                email: true,
            },
            taken @ ImportOutcome::Taken { .. } => taken,
        }
    }
}
