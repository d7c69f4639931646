//! Disabling and enabling a user.

use sea_orm::sea_query::Expr;
use tokio::time::Instant;

use super::change::{apply, ending_sessions, update_of, visible};
use crate::db::{
    Db, DbError,
    entity::users::{Column, status_column},
    events::record,
    tokens::void::void_tokens,
};
use crate::domain::{Event, User, UserId, UserStatus};

impl Db {
    /// Sets a user's status and returns the user as changed; `None`: there is no such user. Disabling
    /// ends all sessions and one-time tokens, and enabling restores none.
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
                let mut update = visible(update_of(id), event.at).col_expr(Column::Status, column);
                if status == UserStatus::Disabled {
                    update = ending_sessions(update);
                }
                let Some(user) = apply(transaction, update).await? else {
                    return Ok(None);
                };
                if status == UserStatus::Disabled {
                    void_tokens(transaction, id, None, event.at).await?;
                }
                record(transaction, event).await?;
                Ok(Some(user))
            })
        })
        .await
    }
}
