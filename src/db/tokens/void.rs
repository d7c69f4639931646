//! One-time tokens: how they are voided by a change of what they were issued for.

use sea_orm::{ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, sea_query::Expr};

use crate::db::{
    entity::{
        one_time_tokens::{Column, Entity as OneTimeTokens, token_purpose_column},
        to_micros,
    },
    mail::void_mail,
};
use crate::domain::{Timestamp, TokenPurpose, UserId};

/// Voids a user's outstanding tokens and the mail that would bring further ones, for all purposes or for
/// one. The rows of voided tokens stay until the purge, like those of redeemed tokens.
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
