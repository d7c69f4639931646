//! One-time tokens: redeemed, void and purged here.
//!
//! Whoever changes a user locks the user's row first and tokens afterwards, so that no two wait for
//! each other.

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait,
    ExprTrait, QueryFilter, QuerySelect, QueryTrait,
    sea_query::{Alias, Expr, Func, LockType, Query},
};
use tokio::time::Instant;

use crate::db::{
    Db, DbError, MailRequest, UserChange,
    entity::{
        one_time_tokens::{Column, Entity as OneTimeTokens, Model, token_purpose_column},
        to_micros,
        users::{self, Entity as Users, status_column},
    },
    mail::{enqueue, void_mail},
    users::update,
};
use crate::domain::{
    Email, Event, HashedPassword, OneTimeTokenId, SecretHash, Timestamp, TokenPurpose, User,
    UserId, UserStatus,
};

/// What somebody presents to redeem a token.
#[derive(Debug, Clone, Copy)]
pub struct TokenProof {
    /// Of the token.
    pub id: OneTimeTokenId,
    /// Of the secret that was presented.
    pub secret_hash: SecretHash,
    /// What it was presented for.
    pub purpose: TokenPurpose,
}

/// What a redemption takes besides the token, by its purpose.
#[derive(Debug, Clone)]
pub enum Redemption {
    /// The new password.
    PasswordReset(HashedPassword),
    /// Nothing.
    EmailVerification,
    /// Mail that tells the old address, if it can be mailed.
    EmailChange(Option<MailRequest>),
}

/// Microseconds since the epoch by the clock that tokens are judged by.
const POSTGRES_NOW: &str = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)";

impl Db {
    /// The user whose token this is, if it can be redeemed now: asked before the work that a
    /// redemption takes, which judges again.
    ///
    /// # Errors
    /// The database failed.
    pub async fn find_token_owner(
        &self,
        proof: TokenProof,
        now: Timestamp,
        deadline: Instant,
    ) -> Result<Option<User>, DbError> {
        let reader = &self.inner.reader;
        let redeemable = OneTimeTokens::find()
            .filter(redeemable(reader.get_database_backend(), proof, now))
            .select_only()
            .column(Column::UserId)
            .into_query();
        let owner = Users::find().filter(users::Column::Id.in_subquery(redeemable));
        let found = self.read(deadline, owner.one(reader)).await?;
        Ok(found.map(User::from))
    }

    /// Redeems a token and changes its user, both or neither. `None`: it redeems nothing.
    ///
    /// # Errors
    /// The database failed.
    pub async fn redeem_token(
        &self,
        proof: TokenProof,
        redemption: Redemption,
        event: Event,
        deadline: Instant,
    ) -> Result<Option<User>, DbError> {
        self.write(deadline, move |transaction| {
            let (redemption, event) = (redemption.clone(), event.clone());
            Box::pin(async move {
                lock_owner(transaction, proof.id).await?;
                let Some(token) = redeem(transaction, proof, event.at).await? else {
                    return Ok(None);
                };
                let user_id = UserId::new(token.user_id);
                let Some((change, mail)) = consequences(redemption, token) else {
                    return Ok(None);
                };
                let now = event.at;
                let updated = update(transaction, user_id, change, now, Some(event)).await?;
                if let (Ok(_), Some(mail)) = (&updated, mail) {
                    // No queue is too full for a notice. The limits of its address hold all the
                    // same: of several changes in a minute the first is told.
                    let _ = enqueue(transaction, &mail, u32::MAX).await?;
                }
                Ok(updated.ok())
            })
        })
        .await
    }

    /// Deletes tokens that expired before an instant, some at a time. Returns how many.
    ///
    /// # Errors
    /// The database failed.
    pub async fn purge_one_time_tokens(
        &self,
        expired_before: Timestamp,
        batch: u64,
        deadline: Instant,
    ) -> Result<u64, DbError> {
        self.write(deadline, move |transaction| {
            let expired = OneTimeTokens::find()
                .filter(Column::ExpiresAt.lt(to_micros(expired_before)))
                .limit(batch)
                .select_only()
                .column(Column::Id)
                .into_query();
            let purge = OneTimeTokens::delete_many().filter(Column::Id.in_subquery(expired));
            Box::pin(async move { Ok(purge.exec(transaction).await?.rows_affected) })
        })
        .await
    }
}

/// Ends a user's outstanding tokens, and mail that would bring further ones: all or those of one
/// purpose. The rows of tokens stay until they are purged, like those of tokens that were redeemed.
pub(in crate::db) async fn void_tokens(
    transaction: &DatabaseTransaction,
    user_id: UserId,
    purpose: Option<TokenPurpose>,
    now: Timestamp,
) -> Result<(), DbErr> {
    let mut void = OneTimeTokens::update_many()
        .col_expr(Column::RedeemedAt, Expr::value(to_micros(now)))
        .filter(Column::UserId.eq(user_id.uuid()))
        .filter(Column::RedeemedAt.is_null());
    if let Some(purpose) = purpose {
        void = void.filter(Column::Purpose.eq(token_purpose_column(purpose)));
    }
    void.exec(transaction).await?;
    void_mail(transaction, user_id, purpose).await
}

async fn lock_owner(transaction: &DatabaseTransaction, id: OneTimeTokenId) -> Result<(), DbErr> {
    let owner = OneTimeTokens::find_by_id(id.uuid())
        .select_only()
        .column(Column::UserId)
        .into_query();
    let lock = Users::find()
        .filter(users::Column::Id.in_subquery(owner))
        .lock(LockType::NoKeyUpdate);
    lock.one(transaction).await.map(|_| ())
}

/// Everything that makes a token good is in this one statement: of any number of callers at once,
/// one changes the row.
async fn redeem(
    transaction: &DatabaseTransaction,
    proof: TokenProof,
    now: Timestamp,
) -> Result<Option<Model>, DbErr> {
    let redeem = OneTimeTokens::update_many()
        .col_expr(Column::RedeemedAt, Expr::value(to_micros(now)))
        .filter(redeemable(transaction.get_database_backend(), proof, now));
    let redeemed = redeem.exec_with_returning(transaction).await?;
    Ok(redeemed.into_iter().next())
}

/// The database compares SHA-256 with SHA-256: of a hash that nobody can choose, the time that a
/// comparison takes tells nothing.
fn redeemable(backend: DbBackend, proof: TokenProof, now: Timestamp) -> Condition {
    let live_owner = Query::select()
        .expr(Expr::value(1))
        .from(Users)
        .and_where(Expr::col((Users, users::Column::Id)).equals((OneTimeTokens, Column::UserId)))
        .and_where(
            Expr::col((Users, users::Column::EmailKey)).equals((OneTimeTokens, Column::EmailKey)),
        )
        .and_where(Expr::col((Users, users::Column::Status)).eq(status_column(UserStatus::Active)))
        .to_owned();
    let others = || Alias::new("others");
    let taken = Query::select()
        .expr(Expr::value(1))
        .from_as(Users, others())
        .and_where(
            Expr::col((others(), users::Column::EmailKey))
                .equals((OneTimeTokens, Column::NewEmailKey)),
        )
        .and_where(
            Expr::col((others(), users::Column::Id)).not_equals((OneTimeTokens, Column::UserId)),
        )
        .to_owned();
    Condition::all()
        .add(Column::Id.eq(proof.id.uuid()))
        .add(Column::Purpose.eq(token_purpose_column(proof.purpose)))
        .add(Column::SecretHash.eq(proof.secret_hash.as_bytes().to_vec()))
        .add(Column::RedeemedAt.is_null())
        .add(Expr::col((OneTimeTokens, Column::ExpiresAt)).gt(latest_now(backend, now)))
        .add(Expr::exists(live_owner))
        .add(Expr::exists(taken).not())
}

/// Replicas may disagree about the time, so on Postgres a token has also expired when the database
/// says so: the later of both clocks counts, and one that is behind revives nothing. On SQLite the
/// process's clock is the database's.
fn latest_now(backend: DbBackend, now: Timestamp) -> Expr {
    let now = Expr::value(to_micros(now));
    match backend {
        DbBackend::Postgres => Func::greatest([now, Expr::cust(POSTGRES_NOW)]).into(),
        _ => now,
    }
}

/// `None`: the row does not hold what its purpose needs, which none that was issued lacks.
fn consequences(redemption: Redemption, token: Model) -> Option<(UserChange, Option<MailRequest>)> {
    Some(match redemption {
        Redemption::PasswordReset(hashed) => {
            let proves_address = token.mailed;
            let change = UserChange::PasswordReset {
                hashed,
                proves_address,
            };
            (change, None)
        }
        Redemption::EmailVerification => (UserChange::EmailVerified, None),
        Redemption::EmailChange(notice) => {
            let (new, proven) = (Email::parse(&token.new_email?).ok()?, token.mailed);
            (UserChange::Email { new, proven }, notice)
        }
    })
}
