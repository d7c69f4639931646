//! Sending the mail that was asked for: here the user is looked up and the token made, off the path
//! of any call. What is sent goes to the address that is stored, not to the one that was typed.

use std::{sync::atomic::Ordering, time::Duration};

use futures_util::future::join_all;
use tokio::time::Instant;

use super::{Auth, AuthError, TokenDelivery, entropy::random};
use crate::{
    db::MailIntent,
    domain::{Email, EventKind, MailPurpose, Origin, TokenPurpose, User, UserKey, UserStatus},
    mail::{MailContent, MailError},
};

/// How many mails are sent at the same time.
const BATCH: u32 = 8;
/// How long a mail is left to whoever took it: longer than sending it may take.
const LEASE: Duration = Duration::from_mins(2);
/// The wait after the first failed try; it doubles with each …
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// … up to this.
const LONGEST_WAIT: Duration = Duration::from_mins(10);
/// How long a statement may take.
const STATEMENT_LIMIT: Duration = Duration::from_secs(10);

/// To whom, for which user, and what.
struct Addressee {
    user: User,
    email: Email,
    content: Content,
}

/// What a mail is to say.
enum Content {
    Token(TokenPurpose),
    Notice(MailContent<'static>),
    /// Nothing, to nobody.
    Silence,
}

impl Auth {
    /// Sends mail that is due, a batch at a time. Answers whether there may be more.
    ///
    /// # Errors
    /// The database is away: what was taken is tried again when its lease ends.
    pub async fn deliver_mail(&self) -> Result<bool, AuthError> {
        let now = self.clock.now();
        let counted = self.db.mail_waiting(now, limit()).await?;
        self.outbox
            .waiting
            .store(counted.waiting, Ordering::Relaxed);
        if counted.due == 0 {
            return Ok(false);
        }
        let batch = self.db.claim_mail(now, LEASE, BATCH, limit()).await?;
        for outcome in join_all(batch.iter().map(|intent| self.handle(intent))).await {
            outcome?;
        }
        Ok(true)
    }

    /// Tries one mail, and settles whether it is tried again.
    async fn handle(&self, intent: &MailIntent) -> Result<(), AuthError> {
        if self.clock.now() >= intent.requested_at + self.settings.mail.patience(intent.purpose) {
            self.outbox.failed.increment();
            tracing::warn!(purpose = %intent.purpose, "mail given up: it is too old");
            return self.finish(intent, None).await;
        }
        let Some(addressee) = self.addressee(intent).await? else {
            return self.finish(intent, None).await;
        };
        if !self.db.holds_mail(intent, limit()).await? {
            // Asked for again, or its user was changed in a way that voids it.
            return Ok(());
        }
        let user_id = addressee.user.id;
        let Some(outcome) = self.send(&addressee).await? else {
            tracing::info!(%user_id, purpose = %intent.purpose, "mail was asked for, none is sent");
            return self.finish(intent, Some(&addressee)).await;
        };
        match outcome {
            Ok(()) => {
                self.outbox.sent.increment();
                tracing::info!(%user_id, purpose = %intent.purpose, "mail sent");
                self.finish(intent, Some(&addressee)).await
            }
            Err(error @ MailError::Refused(_)) => {
                self.outbox.failed.increment();
                tracing::warn!(%user_id, purpose = %intent.purpose, "mail given up: {error}");
                self.finish(intent, Some(&addressee)).await
            }
            Err(error @ MailError::Failed(_)) => {
                self.outbox.failed.increment();
                let wait = back_off(intent.attempts, random::<1>()?[0]);
                tracing::warn!(%user_id, purpose = %intent.purpose, attempts = intent.attempts, "mail not sent: {error}");
                let next_try = self.clock.now() + wait;
                Ok(self.db.postpone_mail(intent, next_try, limit()).await?)
            }
        }
    }

    /// Whatever became of the mail, that a user asked is an event: callers with mailers of their own
    /// learn of it by that.
    async fn finish(
        &self,
        intent: &MailIntent,
        addressee: Option<&Addressee>,
    ) -> Result<(), AuthError> {
        let event = addressee.and_then(|addressee| {
            let kind = match intent.purpose {
                MailPurpose::PasswordReset => EventKind::PasswordResetRequested,
                MailPurpose::EmailVerification => EventKind::EmailVerificationRequested,
                MailPurpose::EmailChange => EventKind::EmailChangeRequested,
                MailPurpose::EmailChangeRequested | MailPurpose::EmailChanged => return None,
            };
            // Where the address is another user's, the mail is theirs and the event is not.
            let user = intent.by.as_ref().map_or(addressee.user.id, |by| by.user);
            Some(self.event(kind, user, None, Origin::default()))
        });
        let event = event.transpose()?;
        Ok(self.db.finish_mail(intent, event, limit()).await?)
    }

    /// Who gets the mail. `None`: nobody, as far as can be told now.
    async fn addressee(&self, intent: &MailIntent) -> Result<Option<Addressee>, AuthError> {
        let asked = match &intent.by {
            None => self.live_user(&UserKey::Email(intent.key.clone())).await?,
            Some(by) => self.live_user(&UserKey::Id(by.user)).await?,
        };
        let Some(user) = asked else { return Ok(None) };
        let content = match intent.purpose {
            MailPurpose::PasswordReset => Content::Token(TokenPurpose::PasswordReset),
            MailPurpose::EmailVerification => Content::Token(TokenPurpose::EmailVerification),
            MailPurpose::EmailChange => return self.addressee_of_change(intent, user).await,
            MailPurpose::EmailChangeRequested => Content::Notice(MailContent::EmailChangeRequested),
            MailPurpose::EmailChanged => Content::Notice(MailContent::EmailChanged),
        };
        let address = intent.by.as_ref().map_or(&user.email.0, |by| &by.address);
        let email = Email::parse(address).ok();
        Ok(email.map(|email| Addressee {
            user,
            email,
            content,
        }))
    }

    /// A new address gets the token, unless another user has it, who is told instead. What raised
    /// the epoch since, a change of the password for one, called the change of address off.
    async fn addressee_of_change(
        &self,
        intent: &MailIntent,
        user: User,
    ) -> Result<Option<Addressee>, AuthError> {
        let Some(by) = &intent.by else {
            return Ok(None);
        };
        if by.epoch != user.session_epoch {
            return Ok(None);
        }
        let owner = self.user(&UserKey::Email(intent.key.clone())).await?;
        let (user, address, content) = match owner {
            Some(owner) if owner.id != user.id => {
                let content = match owner.status {
                    UserStatus::Active => Content::Notice(MailContent::EmailWanted),
                    UserStatus::Disabled => Content::Silence,
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
        Ok(email.map(|email| Addressee {
            user,
            email,
            content,
        }))
    }

    async fn user(&self, key: &UserKey) -> Result<Option<User>, AuthError> {
        Ok(self.db.find_user_by(key, limit()).await?)
    }

    async fn live_user(&self, key: &UserKey) -> Result<Option<User>, AuthError> {
        let user = self.user(key).await?;
        Ok(user.filter(|user| user.status == UserStatus::Active))
    }

    /// Sends the mail, with a token that begins to live now. `None`: there is no way to send one, or
    /// its user was changed since in a way that ends all tokens.
    async fn send(
        &self,
        addressee: &Addressee,
    ) -> Result<Option<Result<(), MailError>>, AuthError> {
        if !self.outbox.mailer.delivers() {
            return Ok(None);
        }
        let purpose = match addressee.content {
            Content::Silence => return Ok(None),
            Content::Notice(content) => return Ok(Some(self.post(addressee, &content).await)),
            Content::Token(purpose) => purpose,
        };
        let lifetime = self.settings.mail.lifetime(purpose);
        let delivery = match purpose {
            TokenPurpose::EmailChange => TokenDelivery::MailedToNew(addressee.email.clone()),
            TokenPurpose::PasswordReset | TokenPurpose::EmailVerification => TokenDelivery::Mailed,
        };
        let issued = self.issue_one_time_token(&addressee.user, purpose, delivery, limit());
        let Some((token, _)) = issued.await? else {
            return Ok(None);
        };
        let content = match purpose {
            TokenPurpose::PasswordReset => MailContent::PasswordReset(&token, lifetime),
            TokenPurpose::EmailVerification => MailContent::EmailVerification(&token, lifetime),
            TokenPurpose::EmailChange => MailContent::EmailChange(&token, lifetime),
        };
        Ok(Some(self.post(addressee, &content).await))
    }

    async fn post(
        &self,
        addressee: &Addressee,
        content: &MailContent<'_>,
    ) -> Result<(), MailError> {
        let mailer = &self.outbox.mailer;
        mailer
            .deliver(&addressee.email, content, self.clock.now())
            .await
    }
}

fn limit() -> Instant {
    Instant::now() + STATEMENT_LIMIT
}

/// Half of it is by chance, so that what failed together does not come back together.
fn back_off(attempts: u32, chance: u8) -> Duration {
    let doublings = attempts.saturating_sub(1).min(16);
    let wait = (FIRST_WAIT * 2_u32.pow(doublings)).min(LONGEST_WAIT);
    wait / 2 + wait / 2 * u32::from(chance) / 255
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_ten_minutes_and_half_of_it_is_by_chance() {
        let bounds = |attempts| {
            let [least, most] = [0, 255].map(|chance| back_off(attempts, chance));
            (least.as_millis(), most.as_millis())
        };
        assert_eq!(bounds(1), (2_500, 5_000));
        assert_eq!(bounds(2), (5_000, 10_000));
        assert_eq!(bounds(5), (40_000, 80_000));
        assert_eq!(bounds(8), (300_000, 600_000));
        assert_eq!(bounds(u32::MAX), (300_000, 600_000));
        assert!((0..255).all(|chance| back_off(3, chance) < back_off(3, chance + 1)));
    }
}
