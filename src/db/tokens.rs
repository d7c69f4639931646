//! One-time tokens: issued here.

pub(super) mod redemption;

use sea_orm::{
    ColumnTrait, ConnectionTrait,
    sea_query::{Expr, InsertStatement, Query},
};
use tokio::time::Instant;

use super::{
    Db, DbError,
    entity::{
        one_time_tokens::{Column, Entity as OneTimeTokens, token_purpose_column},
        to_micros,
        users::{self, status_column},
    },
    events::record,
};
use crate::domain::{
    Email, Event, OneTimeTokenId, SecretHash, Timestamp, TokenPurpose, UserId, UserStatus,
};

/// A token to issue.
#[derive(Debug, Clone)]
pub struct NewOneTimeToken {
    /// Its public handle.
    pub id: OneTimeTokenId,
    /// Of its secret.
    pub secret_hash: SecretHash,
    /// What it can be redeemed for.
    pub purpose: TokenPurpose,
    /// Whose it is.
    pub user_id: UserId,
    /// The user's epoch when it was decided to issue it.
    pub epoch: i64,
    /// The address that a change of address leads to.
    pub new_email: Option<Email>,
    /// Whether it is mailed, which proves the mailbox, or handed to a caller, which does not.
    pub mailed: bool,
    /// When it is issued.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl Db {
    /// Issues a token, if its user is still active and of that epoch: what ends all tokens of a user
    /// ends those that are just being issued too. Answers whether it was issued, which the event tells.
    ///
    /// # Errors
    /// The database failed.
    pub async fn add_one_time_token(
        &self,
        token: NewOneTimeToken,
        event: Option<Event>,
        deadline: Instant,
    ) -> Result<bool, DbError> {
        self.write(deadline, move |transaction| {
            let (insert, event) = (insert_for_live_user(&token), event.clone());
            Box::pin(async move {
                let is_issued = transaction.execute(&insert).await?.rows_affected() == 1;
                match &event {
                    Some(event) if is_issued => record(transaction, event).await?,
                    Some(_) | None => {}
                }
                Ok(is_issued)
            })
        })
        .await
    }
}

fn insert_for_live_user(token: &NewOneTimeToken) -> InsertStatement {
    let new_email = token.new_email.as_ref();
    let values = Query::select()
        .exprs([
            Expr::value(token.id.uuid()),
            Expr::col((users::Entity, users::Column::Id)),
            Expr::value(token_purpose_column(token.purpose)),
            Expr::col((users::Entity, users::Column::EmailKey)),
            Expr::value(new_email.map(|email| email.as_given().to_owned())),
            Expr::value(new_email.map(|email| email.key().as_str().to_owned())),
            Expr::value(token.mailed),
            Expr::value(token.secret_hash.as_bytes().to_vec()),
            Expr::value(to_micros(token.created_at)),
            Expr::value(to_micros(token.expires_at)),
        ])
        .from(users::Entity)
        .and_where(users::Column::Id.eq(token.user_id.uuid()))
        .and_where(users::Column::SessionEpoch.eq(token.epoch))
        .and_where(users::Column::Status.eq(status_column(UserStatus::Active)))
        // Waits for a change of the user that is under way, and is then judged by what it left.
        .lock_shared()
        .to_owned();
    let mut insert = Query::insert();
    insert.into_table(OneTimeTokens).columns([
        Column::Id,
        Column::UserId,
        Column::Purpose,
        Column::EmailKey,
        Column::NewEmail,
        Column::NewEmailKey,
        Column::Mailed,
        Column::SecretHash,
        Column::CreatedAt,
        Column::ExpiresAt,
    ]);
    // Both lists stand above each other and have the same length, which is all that can fail here.
    let _ = insert.select_from(values);
    insert
}
