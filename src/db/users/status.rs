//! Disabling and enabling a user.

use sea_orm::sea_query::Expr;
use tokio::time::Instant;

use super::change::{carry_out, update_of};
use crate::db::{
    Db, DbError,
    ends::Change,
    entity::users::{Column, status_column},
};
use crate::domain::{Event, User, UserId, UserStatus};

impl Db {
    /// Sets a user's status and returns the user as changed; `None`: there is no such user. Disabling
    /// ends all sessions and requests, and enabling restores none.
    pub async fn set_status(
        &self,
        id: UserId,
        status: UserStatus,
        event: Event,
        deadline: Instant,
    ) -> Result<Option<User>, DbError> {
        self.write(deadline, event, move |transaction, event| {
            Box::pin(async move {
                let column = Expr::value(status_column(status));
                let update = update_of(id).col_expr(Column::Status, column);
                let change = match status {
                    UserStatus::Active => Change::Enabled,
                    UserStatus::Disabled => Change::Disabled,
                };
                let changed = carry_out(transaction, update, change, event).await?;
                Ok(changed.map(User::from))
            })
        })
        .await
    }
}
