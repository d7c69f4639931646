//! Users: added and found. Each kind of change has a file of its own.

mod change;
mod claim;
mod email;
mod email_change;
mod erase;
mod import;
mod list;
mod other_sessions;
mod password;
mod sessions;
mod status;

use std::time::Duration;

use sea_orm::{
    ActiveValue::Set, ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter,
    QuerySelect, QueryTrait, sea_query::Expr,
};
use tokio::time::Instant;

pub use email::UpdateUserError;
pub(super) use email::{change_email, email_update, verify_email};
pub use import::{ImportOutcome, NewImport};
pub use other_sessions::OthersEnded;
pub use password::{AccountProof, ProvenUser};
pub(super) use password::{reset_password, with_password};
pub use sessions::EpochRaise;

use super::{
    Db, DbError, Spending,
    entity::{
        sessions as session_rows, to_micros,
        users::{self, Column, Entity as Users, scheme_column, status_column},
    },
    events::record,
    query::{kept_for_another, or_nothing, some_ids},
    throttles::spend,
};
use crate::domain::{
    Email, Event, HashedPassword, PasswordScheme, RegistrationId, Timestamp, User, UserId, UserKey,
    UserStatus,
};

/// A user to add.
#[derive(Debug)]
pub struct NewUser {
    /// Made by the use case, never used before.
    pub id: UserId,
    /// The address, whose key must be free.
    pub email: Email,
    /// The hash of the password, which was over UTF-8 in NFC.
    pub hashed_password: HashedPassword,
    /// The id of the registration, by which a retry is recognised.
    pub request_id: Option<RegistrationId>,
    /// The time of the registration.
    pub now: Timestamp,
    /// The budget that it spends, whether or not the address is free.
    pub spends: Option<Spending>,
}

/// The outcome of adding a user.
#[derive(Debug)]
#[must_use]
pub enum AddedUser {
    /// The user was added.
    Added(User),
    /// The address or the registration id is another row's; nothing was changed.
    Taken,
    /// The address is kept for the user who had it; nothing was changed.
    Kept,
    /// The budget is used up until then; nothing was changed.
    TooOften(Duration),
}

impl Db {
    /// Adds a user. The same statement decides whether the address is free.
    pub async fn add_user(
        &self,
        user: NewUser,
        event: Event,
        deadline: Instant,
    ) -> Result<AddedUser, DbError> {
        let row = users::ActiveModel {
            id: Set(user.id.uuid()),
            email: Set(user.email.as_given().to_owned()),
            email_key: Set(user.email.key().as_str().to_owned()),
            hashed_password: Set(Some(user.hashed_password.as_str().to_owned())),
            password_scheme: Set(scheme_column(PasswordScheme::Nfc)),
            status: Set(status_column(UserStatus::Active)),
            session_epoch: Set(0),
            version: Set(1),
            request_id: Set(user.request_id.map(RegistrationId::uuid)),
            email_verified_at: Set(None),
            created_at: Set(to_micros(user.now)),
            updated_at: Set(to_micros(user.now)),
        };
        let input = (row, user.spends, event);
        self.write(deadline, input, |transaction, (row, spends, event)| {
            Box::pin(async move {
                // Asked before the hash as well; since then others may have used it up.
                if let Some(spending) = spends
                    && let Err(wait) = spend(transaction, &[*spending], event.at).await?
                {
                    return Ok(AddedUser::TooOften(wait));
                }
                let insert = Users::insert(row.clone()).on_conflict(or_nothing());
                let added = insert.exec_with_returning_many(transaction).await?;
                let Some(row) = added.into_iter().next() else {
                    return Ok(AddedUser::Taken);
                };
                // Asked after the insert, which waits for a change of address under way.
                if is_kept(transaction, &row, event.at).await? {
                    Users::delete_by_id(row.id).exec(transaction).await?;
                    return Ok(AddedUser::Kept);
                }
                record(transaction, event).await?;
                Ok(AddedUser::Added(row.into()))
            })
        })
        .await
    }

    /// Finds a user by a unique field.
    pub async fn find_user_by(
        &self,
        key: &UserKey,
        deadline: Instant,
    ) -> Result<Option<User>, DbError> {
        let query = match key {
            UserKey::Id(id) => Users::find_by_id(id.uuid()),
            UserKey::Email(key) => Users::find().filter(Column::EmailKey.eq(key.as_str())),
            UserKey::Session(id) => Users::find().filter(
                Column::Id.in_subquery(
                    session_rows::Entity::find_by_id(id.uuid())
                        .select_only()
                        .column(session_rows::Column::UserId)
                        .into_query(),
                ),
            ),
        };
        Ok(self
            .read(deadline, query.one(&self.inner.reader))
            .await?
            .map(User::from))
    }

    /// Clears the ids of registrations before a time, at most `batch` of them. Returns how many.
    pub async fn clear_registration_ids(
        &self,
        before: Timestamp,
        batch: u64,
        deadline: Instant,
    ) -> Result<u64, DbError> {
        self.write(deadline, (), move |transaction, ()| {
            let old = Users::find()
                .filter(Column::RequestId.is_not_null())
                .filter(Column::CreatedAt.lt(to_micros(before)));
            let clear = Users::update_many()
                .col_expr(Column::RequestId, Expr::value(None::<uuid::Uuid>))
                .filter(Column::Id.in_subquery(some_ids(old, Column::Id, batch)));
            Box::pin(async move { Ok(clear.exec(transaction).await?.rows_affected) })
        })
        .await
    }
}

/// Whether the address of a new user is kept for the user who had it.
async fn is_kept(
    transaction: &DatabaseTransaction,
    row: &users::Model,
    now: Timestamp,
) -> Result<bool, DbErr> {
    let kept = Users::find_by_id(row.id).filter(kept_for_another(&row.email_key, row.id, now));
    Ok(kept.one(transaction).await?.is_some())
}
