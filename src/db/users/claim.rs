//! An account whose address was never verified is taken by whoever reads the mail of that address: what
//! the account had until then may be somebody else's.

use sea_orm::{ColumnTrait, QueryFilter, sea_query::Expr};
use tokio::time::Instant;

use super::change::{carry_out, update_of, verified_at};
use crate::db::{Db, DbError, ends::Change, entity::users::Column};
use crate::domain::{Event, UserId};

impl Db {
    /// Verifies the address of a user who never verified it, and takes away the password, the sessions
    /// and the requests. A user whose address is verified, or another one, is not changed.
    pub async fn claim_user(
        &self,
        id: UserId,
        address: String,
        event: Event,
        deadline: Instant,
    ) -> Result<(), DbError> {
        let input = (address, event);
        self.write(deadline, input, move |transaction, (address, event)| {
            let update = update_of(id)
                .filter(Column::Email.eq(address))
                .filter(Column::EmailVerifiedAt.is_null())
                .col_expr(Column::HashedPassword, Expr::value(None::<String>));
            let update = verified_at(update, Some(event.at));
            Box::pin(async move {
                carry_out(transaction, update, Change::Claimed, event).await?;
                Ok(())
            })
        })
        .await
    }
}
