//! Rotations: a session's secret is replaced, and the old secret is kept so that it is recognised.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, ExprTrait, QueryFilter, UpdateMany, sea_query::Expr,
};
use tokio::time::Instant;

use crate::db::{
    Db, DbError,
    entity::{
        session_secrets::{ActiveModel, Column as Old, Entity as Secrets},
        sessions::{Column, Entity as Sessions},
        to_micros, users,
    },
    query::{exists, of_live_user, unrevoked},
};
use crate::domain::{SecretHash, SessionId, SupersededSecret, Timestamp};

/// The most rotations of one session, because each leaves a row.
const ROTATIONS_MAX: i32 = 1_000;

/// The replacement of a session's secret.
#[derive(Debug)]
pub struct Rotation {
    /// The current secret, with the nonce that derives the next.
    pub superseded: SupersededSecret,
    /// The hash of the next secret.
    pub next: SecretHash,
}

impl Db {
    /// Replaces the secret of a session if it is still the presented one, the session lives and its
    /// secret was not replaced too often. Returns whether it was replaced.
    pub async fn rotate_session(
        &self,
        rotation: Rotation,
        deadline: Instant,
    ) -> Result<bool, DbError> {
        self.write(deadline, rotation, |transaction, rotation| {
            Box::pin(async move {
                if rotate(rotation).exec(transaction).await?.rows_affected == 0 {
                    return Ok(false);
                }
                Secrets::insert(old_secret(&rotation.superseded))
                    .exec_without_returning(transaction)
                    .await?;
                Ok(true)
            })
        })
        .await
    }

    /// Which of the secrets that were presented for sessions are ones that a rotation replaced.
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

    /// The secrets of a session that rotations replaced and whose successors can be made again.
    pub async fn find_successors(
        &self,
        id: SessionId,
        deadline: Instant,
    ) -> Result<Vec<SupersededSecret>, DbError> {
        let find = Secrets::find()
            .filter(Old::SessionId.eq(id.uuid()))
            .filter(Old::Nonce.is_not_null());
        let rows = self.read(deadline, find.all(&self.inner.reader)).await?;
        Ok(rows.into_iter().map(SupersededSecret::from).collect())
    }

    /// Deletes the nonces of rotations before a time: the next secrets can no longer be made again.
    pub async fn forget_nonces(&self, before: Timestamp, deadline: Instant) -> Result<(), DbError> {
        self.write(deadline, before, |transaction, before| {
            let forget = Secrets::update_many()
                .col_expr(Old::Nonce, Expr::value(None::<Vec<u8>>))
                .filter(Old::Nonce.is_not_null())
                .filter(Old::SupersededAt.lt(to_micros(*before)));
            Box::pin(async move { forget.exec(transaction).await.map(drop) })
        })
        .await
    }
}

fn rotate(rotation: &Rotation) -> UpdateMany<Sessions> {
    let Rotation { superseded, next } = rotation;
    Sessions::update_many()
        .col_expr(Column::SecretHash, Expr::value(next.as_bytes().to_vec()))
        .col_expr(Column::Rotations, Expr::col(Column::Rotations).add(1))
        .filter(unrevoked(superseded.session_id))
        .filter(Column::SecretHash.eq(superseded.secret_hash.as_bytes().to_vec()))
        .filter(Column::Epoch.eq(superseded.epoch))
        .filter(Column::Rotations.lt(ROTATIONS_MAX))
        .filter(exists(users::Entity, of_live_user()))
}

fn old_secret(superseded: &SupersededSecret) -> ActiveModel {
    ActiveModel {
        session_id: Set(superseded.session_id.uuid()),
        secret_hash: Set(superseded.secret_hash.as_bytes().to_vec()),
        epoch: Set(superseded.epoch),
        nonce: Set(superseded.nonce.map(Vec::from)),
        superseded_at: Set(to_micros(superseded.superseded_at)),
    }
}
