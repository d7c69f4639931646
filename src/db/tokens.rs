//! One-time tokens: how they are issued and purged.

pub(super) mod redemption;

use sea_orm::{
    ActiveValue::Set, ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter,
};
use tokio::time::Instant;

use super::{
    Db, DbError,
    ends::{Change, lock_user},
    entity::{
        mail_intents::Entity as MailIntents,
        one_time_tokens::{ActiveModel, Column, Entity as OneTimeTokens, token_purpose_column},
        to_micros,
        users::{self, status_column},
    },
    events::record,
    mail::{MailIntent, is_as_claimed},
    query::some_ids,
};
use crate::domain::{
    Email, Event, OneTimeTokenId, SecretHash, SessionId, Timestamp, TokenPurpose, UserId,
    UserStatus,
};

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
    /// The session that asked, where one did.
    pub session: Option<SessionId>,
    /// The address that the user gets, where the token changes it.
    pub new_email: Option<Email>,
    /// Whether the token is mailed, which verifies the address, or returned to a caller.
    pub mailed: bool,
    /// The time of issue.
    pub created_at: Timestamp,
    /// The end of the token's life.
    pub expires_at: Timestamp,
}

impl Db {
    /// Issues a token that a caller brings to the user, and ends the user's other requests for its
    /// purpose. Returns whether the user is still active, so that it was issued.
    pub async fn add_one_time_token(
        &self,
        token: NewOneTimeToken,
        event: Event,
        deadline: Instant,
    ) -> Result<bool, DbError> {
        let input = (token, event);
        self.write(deadline, input, |transaction, (token, event)| {
            Box::pin(async move {
                let Some(user) = lock_active(transaction, token.user_id).await? else {
                    return Ok(false);
                };
                replace(transaction, &user, token, Change::TokenMade(token.purpose)).await?;
                record(transaction, event).await?;
                Ok(true)
            })
        })
        .await
    }

    /// Issues a token for claimed mail, and ends those that former mail brought. Returns whether the
    /// user is still active and the claim holds, so that it was issued: a change of the user that ends
    /// the request ends the token that it would bring.
    pub async fn add_mailed_token(
        &self,
        token: NewOneTimeToken,
        intent: MailIntent,
        deadline: Instant,
    ) -> Result<bool, DbError> {
        let input = (token, intent);
        self.write(deadline, input, |transaction, (token, intent)| {
            Box::pin(async move {
                // Before the claim is looked at: what ends a request holds this lock.
                let Some(user) = lock_active(transaction, token.user_id).await? else {
                    return Ok(false);
                };
                let claimed = MailIntents::find().filter(is_as_claimed(intent));
                if claimed.one(transaction).await?.is_none() {
                    return Ok(false);
                }
                let change = Change::TokenMailed(token.purpose, intent.key.as_str());
                replace(transaction, &user, token, change).await?;
                Ok(true)
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

async fn lock_active(
    transaction: &DatabaseTransaction,
    id: UserId,
) -> Result<Option<users::Model>, DbErr> {
    let active = status_column(UserStatus::Active);
    let user = lock_user(transaction, id).await?;
    Ok(user.filter(|user| user.status == active))
}

/// Stores a token of a user, whose row is locked, after those that it replaces have ended.
async fn replace(
    transaction: &DatabaseTransaction,
    user: &users::Model,
    token: &NewOneTimeToken,
    change: Change<'_>,
) -> Result<(), DbErr> {
    let ends = change.ends();
    ends.end_requests(transaction, user, token.created_at)
        .await?;
    insert_token(transaction, user, token).await
}

/// Stores a token of a user, whose row is locked.
pub(super) async fn insert_token(
    transaction: &DatabaseTransaction,
    user: &users::Model,
    token: &NewOneTimeToken,
) -> Result<(), DbErr> {
    let new = token.new_email.as_ref();
    let row = ActiveModel {
        id: Set(token.id.uuid()),
        user_id: Set(user.id),
        session_id: Set(token.session.map(SessionId::uuid)),
        purpose: Set(token_purpose_column(token.purpose)),
        email_key: Set(user.email_key.clone()),
        new_email: Set(new.map(|new| new.as_given().to_owned())),
        new_email_key: Set(new.map(|new| new.key().as_str().to_owned())),
        mailed: Set(token.mailed),
        secret_hash: Set(token.secret_hash.as_bytes().to_vec()),
        created_at: Set(to_micros(token.created_at)),
        expires_at: Set(to_micros(token.expires_at)),
        redeemed_at: Set(None),
    };
    OneTimeTokens::insert(row)
        .exec_without_returning(transaction)
        .await
        .map(drop)
}
