//! One-time tokens: how they are redeemed.
//!
//! Every change of a user locks the user's row first and tokens afterwards, so that no two transactions
//! wait for each other.

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait,
    ExprTrait, QueryFilter, QuerySelect, QueryTrait,
    sea_query::{Expr, Func, IntoTableRef, LockType},
};
use tokio::time::Instant;

use crate::db::{
    Db, DbError, MailRequest,
    entity::{
        one_time_tokens::{Column, Entity as OneTimeTokens, Model, token_purpose_column},
        to_micros,
        users::{self, Entity as Users, status_column},
    },
    mail::enqueue_notice,
    query::exists,
    users::{change_email, reset_password, verify_email},
};
use crate::domain::{
    Email, Event, HashedPassword, OneTimeTokenId, SecretHash, Timestamp, TokenPurpose, User,
    UserId, UserStatus,
};

#[derive(Debug, Clone, Copy)]
pub struct TokenProof {
    /// The public part of the token.
    pub id: OneTimeTokenId,
    /// The hash of the presented secret.
    pub secret_hash: SecretHash,
    /// The purpose that it was presented for.
    pub purpose: TokenPurpose,
}

/// What a redemption needs besides the token, by purpose.
#[derive(Debug)]
pub enum Redemption {
    /// The hash of the new password.
    PasswordReset(HashedPassword),
    EmailVerification,
    /// The notice to the former address, if it can be mailed.
    EmailChange(Option<MailRequest>),
}

/// The database's time in microseconds since the Unix epoch.
const POSTGRES_NOW: &str = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)";

impl Db {
    /// The user whose token this is, if it could be redeemed now. Asked before the costly work of a
    /// redemption, whose transaction checks again.
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

    /// Redeems a token and changes its user in one transaction. `None`: the token is not redeemable.
    pub async fn redeem_token(
        &self,
        proof: TokenProof,
        redemption: Redemption,
        event: Event,
        deadline: Instant,
    ) -> Result<Option<User>, DbError> {
        let input = (redemption, event);
        self.write(deadline, input, move |transaction, (redemption, event)| {
            Box::pin(async move {
                let Some(owner) = lock_owner(transaction, proof.id).await? else {
                    return Ok(None);
                };
                match redeem(transaction, proof, event.at).await? {
                    Some(token) => change_user(transaction, owner, token, redemption, event).await,
                    None => Ok(None),
                }
            })
        })
        .await
    }
}

async fn lock_owner(
    transaction: &DatabaseTransaction,
    id: OneTimeTokenId,
) -> Result<Option<users::Model>, DbErr> {
    let owner = OneTimeTokens::find_by_id(id.uuid())
        .select_only()
        .column(Column::UserId)
        .into_query();
    let lock = Users::find()
        .filter(users::Column::Id.in_subquery(owner))
        .lock(LockType::NoKeyUpdate);
    lock.one(transaction).await
}

/// All conditions are in this one statement, so of any number of concurrent callers one changes the row.
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

/// The database compares SHA-256 with SHA-256. Nobody can choose a hash, so the time of the comparison
/// reveals nothing.
fn redeemable(backend: DbBackend, proof: TokenProof, now: Timestamp) -> Condition {
    let token = |column| (OneTimeTokens, column);
    let owner = |column| Expr::col((Users, column));
    let is_live_owner = Condition::all()
        .add(owner(users::Column::Id).equals(token(Column::UserId)))
        .add(owner(users::Column::EmailKey).equals(token(Column::EmailKey)))
        .add(owner(users::Column::Status).eq(status_column(UserStatus::Active)));
    let other = |column| Expr::col(("others", column));
    let has_new_address = Condition::all()
        .add(other(users::Column::EmailKey).equals(token(Column::NewEmailKey)))
        .add(other(users::Column::Id).not_equals(token(Column::UserId)));
    let others = Users.into_table_ref().alias("others");
    Condition::all()
        .add(Column::Id.eq(proof.id.uuid()))
        .add(Column::Purpose.eq(token_purpose_column(proof.purpose)))
        .add(Column::SecretHash.eq(proof.secret_hash.as_bytes().to_vec()))
        .add(Column::RedeemedAt.is_null())
        .add(Expr::col((OneTimeTokens, Column::ExpiresAt)).gt(latest_now(backend, now)))
        .add(exists(Users, is_live_owner))
        .add(exists(others, has_new_address).not())
}

/// Replicas may disagree about the time, so on Postgres the later of the replica's and the database's
/// clock counts: a clock that is behind revives no token. SQLite uses the process's clock.
fn latest_now(backend: DbBackend, now: Timestamp) -> Expr {
    let now = Expr::value(to_micros(now));
    match backend {
        DbBackend::Postgres => Func::greatest([now, Expr::cust(POSTGRES_NOW)]).into(),
        _ => now,
    }
}

/// Makes the change that a redeemed token stands for. `None`: the row does not hold what its purpose
/// needs, or another user has taken the new address.
async fn change_user(
    transaction: &DatabaseTransaction,
    owner: users::Model,
    token: Model,
    redemption: &Redemption,
    event: &Event,
) -> Result<Option<User>, DbErr> {
    let id = UserId::new(owner.id);
    match redemption {
        Redemption::PasswordReset(hashed) => {
            reset_password(transaction, id, hashed, token.mailed, event).await
        }
        Redemption::EmailVerification => verify_email(transaction, id, event).await,
        Redemption::EmailChange(notice) => {
            let Some(new) = token.new_email.and_then(|new| Email::parse(&new).ok()) else {
                return Ok(None);
            };
            let changed = change_email(transaction, &owner, &new, token.mailed, event).await?;
            if let (Some(_), Some(notice)) = (&changed, notice) {
                enqueue_notice(transaction, notice).await?;
            }
            Ok(changed)
        }
    }
}
