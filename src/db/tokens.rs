//! One-time tokens: how they are issued and purged.

pub(super) mod redemption;
pub(super) mod void;

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, InsertStatement, LockType},
};
use tokio::time::Instant;

use super::{
    Db, DbError,
    entity::{
        one_time_tokens::{Column, Entity as OneTimeTokens, token_purpose_column},
        to_micros,
        users::{self, Entity as Users},
    },
    events::record,
    query::{insert_for_live_user, some_ids},
};
use crate::domain::{Email, Event, OneTimeTokenId, SecretHash, Timestamp, TokenPurpose, UserId};

/// A token to issue.
#[derive(Debug, Clone)]
pub struct NewOneTimeToken {
    /// The public part of the token.
    pub id: OneTimeTokenId,
    /// The hash of the secret part.
    pub secret_hash: SecretHash,
    /// What the token can be redeemed for.
    pub purpose: TokenPurpose,
    /// The user whose token it is.
    pub user_id: UserId,
    /// The user's epoch when the token was decided on.
    pub epoch: i64,
    /// The new address, for a change of address.
    pub new_email: Option<Email>,
    /// Whether the token is mailed, which verifies the address, or returned to a caller.
    pub mailed: bool,
    /// The time of issue.
    pub created_at: Timestamp,
    /// The end of the token's life.
    pub expires_at: Timestamp,
}

impl Db {
    /// Issues a token and records the event if the user is still active and still has the epoch: a change
    /// that ends all tokens of a user ends those being issued too. Returns whether it was issued.
    pub async fn add_one_time_token(
        &self,
        token: NewOneTimeToken,
        event: Option<Event>,
        deadline: Instant,
    ) -> Result<bool, DbError> {
        let input = (token, event);
        self.write(deadline, input, |transaction, (token, event)| {
            Box::pin(async move {
                let insert = insert(token);
                let is_issued = transaction.execute(&insert).await?.rows_affected() == 1;
                if let (Some(event), true) = (event, is_issued) {
                    record(transaction, event).await?;
                }
                Ok(is_issued)
            })
        })
        .await
    }

    /// Deletes tokens that expired before a time, at most `batch` of them. Returns how many.
    pub async fn purge_one_time_tokens(
        &self,
        expired_before: Timestamp,
        batch: u64,
        deadline: Instant,
    ) -> Result<u64, DbError> {
        self.write(deadline, (), move |transaction, ()| {
            let expired =
                OneTimeTokens::find().filter(Column::ExpiresAt.lt(to_micros(expired_before)));
            let expired = some_ids(expired, Column::Id, batch);
            let purge = OneTimeTokens::delete_many().filter(Column::Id.in_subquery(expired));
            Box::pin(async move { Ok(purge.exec(transaction).await?.rows_affected) })
        })
        .await
    }
}

fn insert(token: &NewOneTimeToken) -> InsertStatement {
    let at = |time| Expr::value(to_micros(time));
    let purpose = token_purpose_column(token.purpose);
    let current_key = Expr::col((Users, users::Column::EmailKey));
    let new = token.new_email.as_ref();
    let new_email = new.map(|new| new.as_given().to_owned());
    let new_key = new.map(|new| new.key().as_str().to_owned());
    let secret_hash = token.secret_hash.as_bytes().to_vec();
    insert_for_live_user(
        OneTimeTokens,
        (token.user_id, token.epoch),
        // Waits for a change of the user that is under way, and then sees what it left.
        LockType::Share,
        [
            (Column::Id, Expr::value(token.id.uuid())),
            (Column::UserId, Expr::value(token.user_id.uuid())),
            (Column::Purpose, Expr::value(purpose)),
            (Column::EmailKey, current_key),
            (Column::NewEmail, Expr::value(new_email)),
            (Column::NewEmailKey, Expr::value(new_key)),
            (Column::Mailed, Expr::value(token.mailed)),
            (Column::SecretHash, Expr::value(secret_hash)),
            (Column::CreatedAt, at(token.created_at)),
            (Column::ExpiresAt, at(token.expires_at)),
        ],
    )
}
