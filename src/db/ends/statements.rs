//! The statements that end what [`Ends`] says.

use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, QueryFilter,
    QuerySelect, QueryTrait, sea_query::Expr,
};
use uuid::Uuid;

use super::{ALL, Ends, Which};
use crate::db::entity::{
    mail_intents::{self, Entity as MailIntents, purpose_column},
    one_time_tokens::{self, Entity as OneTimeTokens, token_purpose_column},
    to_micros,
    users::{self, Entity as Users},
};
use crate::domain::{Timestamp, TokenPurpose};

impl Ends<'_> {
    /// Whether there is a request of the user to end.
    pub(in crate::db) async fn any_request(
        &self,
        transaction: &DatabaseTransaction,
        user: &users::Model,
        now: Timestamp,
    ) -> Result<bool, DbErr> {
        let token = OneTimeTokens::find()
            .filter(self.tokens(user.id))
            .filter(one_time_tokens::Column::RedeemedAt.is_null())
            .filter(one_time_tokens::Column::ExpiresAt.gt(to_micros(now)))
            .one(transaction);
        if token.await?.is_some() {
            return Ok(true);
        }
        let mail = MailIntents::find()
            .filter(self.mail(user))
            .filter(mail_intents::Column::NextTry.is_not_null());
        Ok(self.mail && mail.one(transaction).await?.is_some())
    }

    /// Ends the requests of a user, whose row is locked.
    pub(in crate::db) async fn end_requests(
        &self,
        transaction: &DatabaseTransaction,
        user: &users::Model,
        now: Timestamp,
    ) -> Result<(), DbErr> {
        if self.purposes.is_empty() {
            return Ok(());
        }
        end_tokens(transaction, self.tokens(user.id), now).await?;
        if self.mail {
            end_mail(transaction, self.mail(user)).await?;
        }
        Ok(())
    }

    fn tokens(&self, user: Uuid) -> Condition {
        use one_time_tokens::Column as C;
        let is_way_back = C::Purpose.eq(token_purpose_column(TokenPurpose::EmailRestore));
        Condition::all()
            .add(C::UserId.eq(user))
            .add(C::Purpose.is_in(self.purposes.iter().copied().map(token_purpose_column)))
            .add(self.which(C::SessionId, C::CreatedAt, C::NewEmailKey, is_way_back))
    }

    /// A request that another user made about an address of this user is not this user's.
    fn mail(&self, user: &users::Model) -> Condition {
        use mail_intents::Column as C;
        let is_way_back = brings(&[TokenPurpose::EmailRestore]);
        let addresses = [Some(user.email_key.as_str()), self.former];
        let by_nobody = Condition::all()
            .add(C::UserId.eq(Uuid::nil()))
            .add(C::EmailKey.is_in(addresses.into_iter().flatten()));
        Condition::all()
            .add(Condition::any().add(C::UserId.eq(user.id)).add(by_nobody))
            .add(brings(self.purposes))
            .add(self.which(C::SessionId, C::RequestedAt, C::EmailKey, is_way_back))
    }

    fn which<C: ColumnTrait>(
        &self,
        session: C,
        asked_at: C,
        address: C,
        is_way_back: Expr,
    ) -> Condition {
        let all = Condition::all();
        match self.which {
            Which::All => all,
            Which::AskedBy(by) => all.add(session.eq(by.uuid())),
            Which::NotAskedBy(by) => all.add(session.is_null().or(session.ne(by.uuid()))),
            Which::AskedBefore(time) => all.add(asked_at.lt(to_micros(time))),
            Which::NotWaysBackBefore(time) => {
                all.add(is_way_back.not().or(asked_at.gte(to_micros(time))))
            }
            Which::For(key) => all.add(address.eq(key)),
            Which::NotFor(key) => all.add(address.is_null().or(address.ne(key))),
        }
    }
}

/// Ends all requests of the users with ids of a range, whose rows are locked.
pub(in crate::db) async fn end_requests_between(
    transaction: &DatabaseTransaction,
    (first, last): (Uuid, Uuid),
    now: Timestamp,
) -> Result<(), DbErr> {
    let tokens = one_time_tokens::Column::UserId.between(first, last);
    end_tokens(transaction, Condition::all().add(tokens), now).await?;
    let addresses = Users::find()
        .filter(users::Column::Id.between(first, last))
        .select_only()
        .column(users::Column::EmailKey)
        .into_query();
    let by_nobody = Condition::all()
        .add(mail_intents::Column::UserId.eq(Uuid::nil()))
        .add(mail_intents::Column::EmailKey.in_subquery(addresses));
    let theirs = Condition::any()
        .add(mail_intents::Column::UserId.between(first, last))
        .add(by_nobody);
    end_mail(transaction, Condition::all().add(theirs).add(brings(ALL))).await
}

/// Mail that brings a token for one of the purposes.
fn brings(purposes: &[TokenPurpose]) -> Expr {
    let purposes = purposes.iter().copied();
    mail_intents::Column::Purpose.is_in(purposes.map(|purpose| purpose_column(purpose.into())))
}

/// The rows stay until the purge, like those of redeemed tokens.
async fn end_tokens(
    transaction: &DatabaseTransaction,
    which: Condition,
    now: Timestamp,
) -> Result<(), DbErr> {
    use one_time_tokens::Column as C;
    OneTimeTokens::update_many()
        .col_expr(C::RedeemedAt, Expr::value(to_micros(now)))
        .filter(which)
        .filter(C::RedeemedAt.is_null())
        .exec(transaction)
        .await
        .map(drop)
}

/// The rows stay, because the limits depend on them; what is asked for again is sent as soon as they
/// allow it.
async fn end_mail(transaction: &DatabaseTransaction, which: Condition) -> Result<(), DbErr> {
    use mail_intents::Column as C;
    MailIntents::update_many()
        .col_expr(C::NextTry, Expr::value(None::<i64>))
        .col_expr(C::Voided, Expr::value(true))
        .filter(which)
        .exec(transaction)
        .await
        .map(drop)
}
