//! Sending requested mail. The user is looked up and the token made here, outside of any call.
//! Mail goes to the address as stored, not as typed in the request.

use std::{sync::atomic::Ordering, time::Duration};

use futures_util::future::join_all;
use tokio::time::Instant;

use super::{Auth, AuthError, entropy::random_bytes, events::new_event};
use crate::{
    db::MailIntent,
    domain::{Email, EventKind, MailPurpose, TokenPurpose, User, UserKey, UserStatus},
    mail::{MailContent, MailError},
};

/// How many mails are sent at the same time.
const BATCH: u32 = 8;
/// How long a claim holds: longer than sending a mail may take.
const LEASE: Duration = Duration::from_mins(2);
/// The wait after the first failed try; it doubles with each further one, up to `LONGEST_WAIT`.
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_mins(10);
/// How long one statement may take.
const STATEMENT_LIMIT: Duration = Duration::from_secs(10);

/// A mail to send, and the user whom it concerns.
struct OutgoingMail {
    user: User,
    email: Email,
    content: Content,
}

enum Content {
    Token(TokenPurpose),
    Notice(MailContent<'static>),
    /// Not sent: the new address is a disabled user's.
    Dropped,
}

impl Auth {
    /// Looks up whose mail was requested, and wakes the worker that sends it.
    ///
    /// # Errors
    /// The database is not available; it is looked up later.
    pub async fn look_up_mail(&self) -> Result<(), AuthError> {
        let requests = self.db.look_up_mail(deadline()).await?;
        if requests > 0 {
            self.outbox.requests.inc_by(requests);
            self.outbox.due.notify_one();
        }
        Ok(())
    }

    /// Sends a batch of mail that is due. Returns whether there may be more.
    ///
    /// # Errors
    /// The database is not available; claimed mail is tried again when its lease ends.
    pub async fn deliver_mail(&self) -> Result<bool, AuthError> {
        let now = self.clock.now();
        let counted = self.db.mail_waiting(now, deadline()).await?;
        self.outbox
            .waiting
            .store(counted.waiting, Ordering::Relaxed);
        if counted.due == 0 {
            return Ok(false);
        }
        let batch = self.db.claim_mail(now, LEASE, BATCH, deadline()).await?;
        for outcome in join_all(batch.iter().map(|intent| self.process(intent))).await {
            outcome?;
        }
        Ok(true)
    }

    /// Tries to send one mail. Afterwards it is finished, or due again later.
    async fn process(&self, intent: &MailIntent) -> Result<(), AuthError> {
        if self.clock.now() >= intent.requested_at + self.settings.mail.lifetime(intent.purpose) {
            self.outbox.failed.inc();
            tracing::warn!(purpose = %intent.purpose, "mail given up: it is too old");
            return self.finish(intent, None).await;
        }
        let Some(mail) = self.prepare(intent).await? else {
            return self.finish(intent, None).await;
        };
        if intent.attempts == 1
            && let Err(wait) = self
                .spend_mail(&intent.key, intent.purpose, deadline())
                .await?
        {
            let until = self.clock.now() + wait;
            return Ok(self.db.delay_mail(intent, until, deadline()).await?);
        }
        let user_id = mail.user.id;
        let Some(outcome) = self.send(intent, &mail).await? else {
            tracing::info!(%user_id, purpose = %intent.purpose, "mail requested, none is sent");
            return self.finish(intent, Some(&mail)).await;
        };
        match outcome {
            Ok(()) => {
                tracing::info!(%user_id, purpose = %intent.purpose, "mail sent");
                self.finish(intent, Some(&mail)).await
            }
            Err(error @ MailError::Refused(_)) => {
                self.outbox.failed.inc();
                tracing::warn!(%user_id, purpose = %intent.purpose, "mail given up: {error}");
                self.finish(intent, Some(&mail)).await
            }
            Err(error @ MailError::Failed(_)) => {
                self.outbox.failed.inc();
                let wait = back_off(intent.attempts, random_bytes::<1>()?[0]);
                tracing::warn!(%user_id, purpose = %intent.purpose, attempts = intent.attempts, "mail not sent: {error}");
                let next_try = self.clock.now() + wait;
                Ok(self.db.postpone_mail(intent, next_try, deadline()).await?)
            }
        }
    }

    /// Finishes a request and records its event, whether or not mail was sent: callers that send
    /// their own mail learn of requests by these events.
    async fn finish(
        &self,
        intent: &MailIntent,
        mail: Option<&OutgoingMail>,
    ) -> Result<(), AuthError> {
        let event = mail.and_then(|mail| {
            let kind = match intent.purpose {
                MailPurpose::PasswordReset => EventKind::PasswordResetRequested,
                MailPurpose::EmailVerification => EventKind::EmailVerificationRequested,
                MailPurpose::EmailChange => EventKind::EmailChangeRequested,
                MailPurpose::EmailChangeRequested
                | MailPurpose::EmailChanged
                | MailPurpose::EmailRestore
                | MailPurpose::EmailAssigned
                | MailPurpose::PasswordChanged
                | MailPurpose::SessionOpened => return None,
            };
            // The warning that another user wants an address goes to its owner; the event is of the
            // user who requested the change.
            let user_id = intent.by.as_ref().map_or(mail.user.id, |by| by.user);
            let session = intent.by.as_ref().and_then(|by| by.session);
            Some(new_event(&self.clock, kind, Some(user_id), session, None))
        });
        let event = event.transpose()?;
        let event = event.map(|event| event.with_client(intent.client.clone()));
        Ok(self.db.finish_mail(intent, event, deadline()).await?)
    }

    /// Looks up the user and decides on the content. `None`: no mail is to be sent.
    async fn prepare(&self, intent: &MailIntent) -> Result<Option<OutgoingMail>, AuthError> {
        let key = match &intent.by {
            None => UserKey::Email(intent.key.clone()),
            Some(by) => UserKey::Id(by.user),
        };
        let found = self.db.find_user_by(&key, deadline()).await?;
        let Some(user) = found.filter(|user| user.status == UserStatus::Active) else {
            return Ok(None);
        };
        let content = match intent.purpose {
            MailPurpose::PasswordReset => Content::Token(TokenPurpose::PasswordReset),
            MailPurpose::EmailVerification => Content::Token(TokenPurpose::EmailVerification),
            MailPurpose::EmailChange => return self.prepare_email_change(intent, user).await,
            MailPurpose::EmailRestore => Content::Token(TokenPurpose::EmailRestore),
            MailPurpose::EmailChangeRequested => Content::Notice(MailContent::EmailChangeRequested),
            MailPurpose::EmailChanged => Content::Notice(MailContent::EmailChanged),
            MailPurpose::EmailAssigned => Content::Notice(MailContent::EmailAssigned),
            MailPurpose::PasswordChanged => Content::Notice(MailContent::PasswordChanged),
            MailPurpose::SessionOpened => Content::Notice(MailContent::SessionOpened),
        };
        let address = intent.by.as_ref().map_or(&user.email.0, |by| &by.address);
        let email = Email::parse(address).ok();
        Ok(email.map(|email| OutgoingMail {
            user,
            email,
            content,
        }))
    }

    /// The new address gets the token; where it is another user's, that user gets a warning
    /// instead.
    async fn prepare_email_change(
        &self,
        intent: &MailIntent,
        user: User,
    ) -> Result<Option<OutgoingMail>, AuthError> {
        let Some(by) = &intent.by else {
            return Ok(None);
        };
        let new_address = UserKey::Email(intent.key.clone());
        let owner = self.db.find_user_by(&new_address, deadline()).await?;
        let (user, address, content) = match owner {
            Some(owner) if owner.id != user.id => {
                let content = match owner.status {
                    UserStatus::Active => Content::Notice(MailContent::EmailWanted),
                    UserStatus::Disabled => Content::Dropped,
                };
                let address = owner.email.0.clone();
                (owner, address, content)
            }
            Some(_) | None => {
                let content = Content::Token(TokenPurpose::EmailChange);
                (user, by.address.clone(), content)
            }
        };
        let email = Email::parse(&address).ok();
        Ok(email.map(|email| OutgoingMail {
            user,
            email,
            content,
        }))
    }

    /// Sends a mail, with a token whose lifetime begins now. `None`: no mailer is configured, or the
    /// request was repeated or ended since it was claimed.
    async fn send(
        &self,
        intent: &MailIntent,
        mail: &OutgoingMail,
    ) -> Result<Option<Result<(), MailError>>, AuthError> {
        if !self.outbox.mailer.delivers() {
            return Ok(None);
        }
        let purpose = match mail.content {
            Content::Dropped => return Ok(None),
            Content::Notice(content) => {
                let holds = self.db.holds_mail(intent, deadline()).await?;
                return Ok(if holds {
                    Some(self.send_content(mail, &content).await)
                } else {
                    None
                });
            }
            Content::Token(purpose) => purpose,
        };
        let new_email = match purpose {
            TokenPurpose::EmailChange | TokenPurpose::EmailRestore => Some(mail.email.clone()),
            TokenPurpose::PasswordReset | TokenPurpose::EmailVerification => None,
        };
        let made = self.issuer.make_token(&mail.user, purpose, new_email)?;
        let issued = self.issuer.issue_mailed(made, intent, deadline()).await?;
        let Some(token) = issued else {
            return Ok(None);
        };
        let lifetime = self.settings.mail.lifetime(purpose.into());
        let account = mail.user.email.masked();
        let content = match purpose {
            TokenPurpose::PasswordReset => MailContent::PasswordReset(&token, lifetime),
            TokenPurpose::EmailVerification => MailContent::EmailVerification(&token, lifetime),
            TokenPurpose::EmailChange => MailContent::EmailChange(&token, lifetime, &account),
            TokenPurpose::EmailRestore => MailContent::EmailRestore(&token, lifetime),
        };
        Ok(Some(self.send_content(mail, &content).await))
    }

    async fn send_content(
        &self,
        mail: &OutgoingMail,
        content: &MailContent<'_>,
    ) -> Result<(), MailError> {
        let mailer = &self.outbox.mailer;
        mailer.deliver(&mail.email, content, self.clock.now()).await
    }
}

fn deadline() -> Instant {
    Instant::now() + STATEMENT_LIMIT
}

/// Half of the wait is random, so that mails that failed together are not tried again together.
fn back_off(attempts: u32, random: u8) -> Duration {
    let doublings = attempts.saturating_sub(1).min(16);
    let wait = (FIRST_WAIT * 2_u32.pow(doublings)).min(LONGEST_WAIT);
    wait / 2 + wait / 2 * u32::from(random) / 255
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_ten_minutes_and_half_of_it_is_random() {
        let bounds = |attempts| {
            let [least, most] = [0, 255].map(|random| back_off(attempts, random));
            (least.as_millis(), most.as_millis())
        };
        assert_eq!(bounds(1), (2_500, 5_000));
        assert_eq!(bounds(2), (5_000, 10_000));
        assert_eq!(bounds(5), (40_000, 80_000));
        assert_eq!(bounds(8), (300_000, 600_000));
        assert_eq!(bounds(u32::MAX), (300_000, 600_000));
        assert!((0..255).all(|random| back_off(3, random) < back_off(3, random + 1)));
    }
}
