//! Users: the seed's `add_user` and `find_user_by`; `update_user` is in `change`, and what callers
//! write of one in `edit`.

mod change;
mod edit;
mod erase;
mod import;
mod kept;
mod list;

use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait,
    sea_query::Expr,
};
use tokio::time::Instant;

pub(super) use change::update;
pub use change::{UpdateUserError, UserChange};
pub use edit::EditUserError;
pub use erase::ProvenUser;
pub use import::{ImportOutcome, NewImport};
pub use kept::KeptSessions;

use super::{
    Db, DbError,
    entity::{
        or_nothing, sessions, to_micros,
        users::{self, Column, Entity as Users, scheme_column, status_column},
    },
    events::record,
};
use crate::domain::{
    Email, Event, HashedPassword, PasswordScheme, RegistrationId, Timestamp, User, UserId, UserKey,
    UserStatus,
};

/// A user to add.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Made by the caller, never used before.
    pub id: UserId,
    /// The address; its key is what must be free.
    pub email: Email,
    /// The hash of the password, which was over UTF-8 in NFC.
    pub hashed_password: HashedPassword,
    /// Of the registration.
    pub request_id: Option<RegistrationId>,
    /// When.
    pub now: Timestamp,
}

/// What came of adding a user.
#[derive(Debug, Clone)]
#[must_use]
pub enum AddedUser {
    /// The user is there.
    Added(User),
    /// The address or the registration id is another row's; nothing was changed.
    Taken,
}

impl Db {
    /// Adds a user. Whether the address is free is the database's to say, in the same statement.
    ///
    /// # Errors
    /// The database failed.
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
        self.write(deadline, move |transaction| {
            let insert = Users::insert(row.clone()).on_conflict(or_nothing());
            let event = event.clone();
            Box::pin(async move {
                let added = insert.exec_with_returning_many(transaction).await?;
                let Some(row) = added.into_iter().next() else {
                    return Ok(AddedUser::Taken);
                };
                record(transaction, &event).await?;
                Ok(AddedUser::Added(row.into()))
            })
        })
        .await
    }

    /// Finds a user by one field; `None` when there is none.
    ///
    /// # Errors
    /// The database failed.
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
                    sessions::Entity::find_by_id(id.uuid())
                        .select_only()
                        .column(sessions::Column::UserId)
                        .into_query(),
                ),
            ),
        };
        Ok(self
            .read(deadline, query.one(&self.inner.reader))
            .await?
            .map(User::from))
    }

    /// Forgets the registration ids of users who registered before an instant, some at a time.
    /// Returns how many.
    ///
    /// # Errors
    /// The database failed.
    pub async fn clear_registration_ids(
        &self,
        before: Timestamp,
        batch: u64,
        deadline: Instant,
    ) -> Result<u64, DbError> {
        self.write(deadline, move |transaction| {
            let old = Users::find()
                .filter(Column::RequestId.is_not_null())
                .filter(Column::CreatedAt.lt(to_micros(before)))
                .limit(batch)
                .select_only()
                .column(Column::Id)
                .into_query();
            let clear = Users::update_many()
                .col_expr(Column::RequestId, Expr::value(None::<uuid::Uuid>))
                .filter(Column::Id.in_subquery(old));
            Box::pin(async move { Ok(clear.exec(transaction).await?.rows_affected) })
        })
        .await
    }
}
