//! Rotations: a session's secret is replaced, and the old one is kept to be known again.

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, ExprTrait, QueryFilter, UpdateMany,
    sea_query::{Expr, Query},
};
use tokio::time::Instant;

use crate::db::{
    Db, DbError,
    attempts::{live, of_live_user},
    entity::{
        session_secrets::{ActiveModel, Column as Old, Entity as Secrets},
        sessions::{Column, Entity as Sessions},
        to_micros, users,
    },
};
use crate::domain::{SecretHash, SessionId, SupersededSecret, Timestamp};

/// How often the secret of one session is replaced at most: each stays known.
const ROTATIONS_MAX: i32 = 1_000;

/// A secret to replace.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// The one that is current, and what the next is made with.
    pub superseded: SupersededSecret,
    /// The next one.
    pub next: SecretHash,
}

impl Db {
    /// Replaces the secret of a session, if that is still the one that was presented, the session
    /// lives and its secret was not replaced too often. Answers whether it was.
    ///
    /// # Errors
    /// The database failed.
    pub async fn rotate_session(
        &self,
        rotation: Rotation,
        deadline: Instant,
    ) -> Result<bool, DbError> {
        self.write(deadline, move |transaction| {
            let (rotate, old) = (rotate(&rotation), old(&rotation.superseded));
            Box::pin(async move {
                if rotate.exec(transaction).await?.rows_affected == 0 {
                    return Ok(false);
                }
                Secrets::insert(old)
                    .exec_without_returning(transaction)
                    .await?;
                Ok(true)
            })
        })
        .await
    }

    /// Which of the secrets that were presented for sessions are ones that a rotation replaced.
    ///
    /// # Errors
    /// The database failed.
    pub async fn find_superseded(
        &self,
        presented: &[(SessionId, SecretHash)],
        deadline: Instant,
    ) -> Result<Vec<SupersededSecret>, DbError> {
        let ids = presented.iter().map(|(id, _)| id.uuid());
        let hashes = presented.iter().map(|(_, hash)| hash.as_bytes().to_vec());
        let find = Secrets::find()
            .filter(Old::SessionId.is_in(ids))
            .filter(Old::SecretHash.is_in(hashes));
        let rows = self.read(deadline, find.all(&self.inner.reader)).await?;
        Ok(rows.into_iter().map(SupersededSecret::from).collect())
    }

    /// Forgets what secrets were made with that were replaced before an instant.
    ///
    /// # Errors
    /// The database failed.
    pub async fn forget_nonces(&self, before: Timestamp, deadline: Instant) -> Result<(), DbError> {
        self.write(deadline, move |transaction| {
            let forget = Secrets::update_many()
                .col_expr(Old::Nonce, Expr::value(None::<Vec<u8>>))
                .filter(Old::Nonce.is_not_null())
                .filter(Old::SupersededAt.lt(to_micros(before)));
            Box::pin(async move { forget.exec(transaction).await.map(|_| ()) })
        })
        .await
    }
}

fn rotate(rotation: &Rotation) -> UpdateMany<Sessions> {
    let Rotation { superseded, next } = rotation;
    let live_user = Query::select()
        .expr(Expr::value(1))
        .from(users::Entity)
        .cond_where(of_live_user())
        .to_owned();
    Sessions::update_many()
        .col_expr(Column::SecretHash, Expr::value(next.as_bytes().to_vec()))
        .col_expr(Column::Rotations, Expr::col(Column::Rotations).add(1))
        .filter(live(superseded.session_id))
        .filter(Column::SecretHash.eq(superseded.secret_hash.as_bytes().to_vec()))
        .filter(Column::Epoch.eq(superseded.epoch))
        .filter(Column::Rotations.lt(ROTATIONS_MAX))
        .filter(Expr::exists(live_user))
}

fn old(superseded: &SupersededSecret) -> ActiveModel {
    ActiveModel {
        session_id: Set(superseded.session_id.uuid()),
        secret_hash: Set(superseded.secret_hash.as_bytes().to_vec()),
        epoch: Set(superseded.epoch),
        nonce: Set(superseded.nonce.map(Vec::from)),
        superseded_at: Set(to_micros(superseded.superseded_at)),
    }
}
