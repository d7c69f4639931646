//! The change of address that a user has under way: requested, replaced by a later one, or ended.

use sea_orm::{EntityTrait, QueryFilter};
use tokio::time::Instant;

use crate::db::{
    Db, DbError,
    ends::{Change, lock_user},
    entity::users::Entity as Users,
    events::record,
    mail::{MailRequest, Notice, Queued, enqueue, enqueue_notice},
    query::session_lives,
    sessions::forget_wrong_passwords,
};
use crate::domain::{Event, MailPurpose, SessionId, UserId};

impl Db {
    /// Requests the mail of a change of address and the notice to the current address, ends the change
    /// to another address that was under way, and resets the count of wrong passwords of the session.
    /// `None`: the session has ended since it was verified.
    pub async fn request_email_change(
        &self,
        request: MailRequest,
        (user, session): (UserId, SessionId),
        queue: u32,
        deadline: Instant,
    ) -> Result<Option<Queued>, DbError> {
        self.write(deadline, request, move |transaction, request| {
            Box::pin(async move {
                let Some(user) = lock_user(transaction, user).await? else {
                    return Ok(None);
                };
                if !forget_wrong_passwords(transaction, session).await? {
                    return Ok(None);
                }
                let queued = enqueue(transaction, request, queue).await?;
                if queued == Queued::Yes {
                    let to = request.to.key().as_str();
                    let ends = Change::EmailChangeRequested { to }.ends();
                    ends.end_requests(transaction, &user, request.now).await?;
                    let notice = Notice::to_user(&user, MailPurpose::EmailChangeRequested);
                    enqueue_notice(transaction, notice, request.now).await?;
                }
                Ok(Some(queued))
            })
        })
        .await
    }

    /// Ends the change of address that is under way; where none is, no event is recorded. `gave_password`
    /// resets the count of wrong passwords of the session. Returns whether the session lived.
    pub async fn cancel_email_change(
        &self,
        (user, session): (UserId, SessionId),
        gave_password: bool,
        event: Event,
        deadline: Instant,
    ) -> Result<bool, DbError> {
        self.write(deadline, event, move |transaction, event| {
            Box::pin(async move {
                lock_user(transaction, user).await?;
                let lives = Users::find_by_id(user.uuid()).filter(session_lives(session));
                let Some(user) = lives.one(transaction).await? else {
                    return Ok(false);
                };
                if gave_password && !forget_wrong_passwords(transaction, session).await? {
                    return Ok(false);
                }
                let ends = Change::EmailChangeCancelled.ends();
                if ends.any_request(transaction, &user, event.at).await? {
                    ends.end_requests(transaction, &user, event.at).await?;
                    record(transaction, event).await?;
                }
                Ok(true)
            })
        })
        .await
    }
}
