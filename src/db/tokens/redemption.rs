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

use super::{NewOneTimeToken, insert_token};
use crate::db::{
    Db, DbError, ThrottleKey,
    ends::Change,
    entity::{
        from_micros,
        one_time_tokens::{Column, Entity as OneTimeTokens, Model, token_purpose_column},
        to_micros,
        users::{self, Entity as Users, status_column},
    },
    mail::{Notice, enqueue_notice},
    query::exists,
    throttles::forget_failures,
    users::{
        AccountProof, change_email, email_update, reset_password, verify_email, with_password,
    },
};
use crate::domain::{
    Email, Event, HashedPassword, MailPurpose, OneTimeTokenId, SecretHash, Timestamp, TokenPurpose,
    User, UserId, UserStatus,
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
    /// What proves that the reader of the mail knows the account, where that is asked for.
    EmailVerification(Option<AccountProof>),
    /// A token by which the former address can be restored, where that address was verified. It keeps
    /// the address for the user until the mail brings another such token.
    EmailChange(Option<NewOneTimeToken>),
    /// The hash of the new password.
    EmailRestore(HashedPassword),
}

/// The outcome of a redemption.
#[derive(Debug)]
#[must_use]
pub enum Redeemed {
    /// The user was changed.
    Yes(User),
    /// The token is not redeemable.
    NotRedeemable,
    /// The proof of the account no longer holds; the token is as it was.
    ProofLapsed,
}

/// Whose token it is, and the address that it would give them.
#[derive(Debug)]
pub struct TokenOwner {
    pub user: User,
    pub new_email: Option<Email>,
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
    ) -> Result<Option<TokenOwner>, DbError> {
        let reader = &self.inner.reader;
        let redeemable = OneTimeTokens::find()
            .find_also_related(Users)
            .filter(redeemable(reader.get_database_backend(), proof, now));
        let found = self.read(deadline, redeemable.one(reader)).await?;
        Ok(found.and_then(|(token, user)| {
            Some(TokenOwner {
                user: user?.into(),
                new_email: token.new_email.and_then(|new| Email::parse(&new).ok()),
            })
        }))
    }

    /// Redeems a token and changes its user in one transaction, which also forgets the failures of an
    /// account.
    pub async fn redeem_token(
        &self,
        proof: TokenProof,
        redemption: Redemption,
        forgiven: Option<ThrottleKey>,
        event: Event,
        deadline: Instant,
    ) -> Result<Redeemed, DbError> {
        let input = (redemption, event);
        self.write(deadline, input, move |transaction, (redemption, event)| {
            Box::pin(async move {
                let redeemed = redeem_in(transaction, proof, redemption, event).await?;
                if let (Redeemed::Yes(_), Some(account)) = (&redeemed, forgiven) {
                    forget_failures(transaction, account, event.at).await?;
                }
                Ok(redeemed)
            })
        })
        .await
    }
}

async fn redeem_in(
    transaction: &DatabaseTransaction,
    proof: TokenProof,
    redemption: &Redemption,
    event: &Event,
) -> Result<Redeemed, DbErr> {
    let Some(owner) = lock_owner(transaction, proof.id).await? else {
        return Ok(Redeemed::NotRedeemable);
    };
    if let Redemption::EmailVerification(Some(account)) = redemption {
        let holds = Users::find_by_id(owner.id).filter(account.holds());
        if holds.one(transaction).await?.is_none() {
            return Ok(Redeemed::ProofLapsed);
        }
    }
    let Some(token) = redeem(transaction, proof, event.at).await? else {
        return Ok(Redeemed::NotRedeemable);
    };
    let changed = change_user(transaction, owner, token, redemption, event).await?;
    Ok(changed.map_or(Redeemed::NotRedeemable, Redeemed::Yes))
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
        .add(owner(users::Column::Status).eq(status_column(UserStatus::Active)));
    // A former address is restored whatever the present one is.
    let is_live_owner = match proof.purpose {
        TokenPurpose::EmailRestore => is_live_owner,
        TokenPurpose::PasswordReset
        | TokenPurpose::EmailVerification
        | TokenPurpose::EmailChange => {
            is_live_owner.add(owner(users::Column::EmailKey).equals(token(Column::EmailKey)))
        }
    };
    let other = |column| Expr::col(("others", column));
    let has_new_address = Condition::all()
        .add(other(users::Column::EmailKey).equals(token(Column::NewEmailKey)))
        .add(other(users::Column::Id).not_equals(token(Column::UserId)));
    let others = Users.into_table_ref().alias("others");
    let kept = |column| Expr::col(("kept", column));
    let restore = token_purpose_column(TokenPurpose::EmailRestore);
    let is_kept_for_another = Condition::all()
        .add(kept(Column::Purpose).eq(restore))
        .add(kept(Column::RedeemedAt).is_null())
        .add(kept(Column::ExpiresAt).gt(to_micros(now)))
        .add(kept(Column::NewEmailKey).equals(token(Column::NewEmailKey)))
        .add(kept(Column::UserId).not_equals(token(Column::UserId)));
    let kept = OneTimeTokens.into_table_ref().alias("kept");
    Condition::all()
        .add(Column::Id.eq(proof.id.uuid()))
        .add(Column::Purpose.eq(token_purpose_column(proof.purpose)))
        .add(Column::SecretHash.eq(proof.secret_hash.as_bytes().to_vec()))
        .add(Column::RedeemedAt.is_null())
        .add(Expr::col((OneTimeTokens, Column::ExpiresAt)).gt(latest_now(backend, now)))
        .add(exists(Users, is_live_owner))
        .add(exists(others, has_new_address).not())
        .add(exists(kept, is_kept_for_another).not())
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
    let new_email = token.new_email.and_then(|new| Email::parse(&new).ok());
    match (redemption, new_email) {
        (Redemption::PasswordReset(hashed), _) => {
            reset_password(transaction, id, hashed, token.mailed, event).await
        }
        (Redemption::EmailVerification(_), _) => verify_email(transaction, id, event).await,
        (Redemption::EmailChange(_) | Redemption::EmailRestore(_), None) => Ok(None),
        (Redemption::EmailChange(way_back), Some(new)) => {
            let former = owner.email_key.as_str();
            let change = Change::EmailChanged { former };
            let update = email_update(id, token.mailed.then_some(event.at));
            let changed = change_email(transaction, &owner, &new, (update, change), event).await?;
            let Some(changed) = changed else {
                return Ok(None);
            };
            let notice = match way_back {
                Some(way_back) => {
                    insert_token(transaction, &owner, way_back).await?;
                    MailPurpose::EmailRestore
                }
                None => MailPurpose::EmailChanged,
            };
            enqueue_notice(transaction, Notice::to_user(&owner, notice), event.at).await?;
            Ok(Some(changed.into()))
        }
        (Redemption::EmailRestore(hashed), Some(new)) => {
            let replaced = owner.email_key.as_str();
            let since = from_micros(token.created_at);
            let change = Change::EmailRestored { replaced, since };
            let update = with_password(email_update(id, Some(event.at)), hashed);
            let changed = change_email(transaction, &owner, &new, (update, change), event).await?;
            if changed.is_some() {
                let notice = Notice::to_user(&owner, MailPurpose::EmailChanged);
                enqueue_notice(transaction, notice, event.at).await?;
            }
            Ok(changed.map(User::from))
        }
    }
}
