//! Requests for mail. Their work and answer are the same whether or not a user has the address;
//! sending is the part of `delivery`.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use tokio::sync::Notify;

use super::{Auth, AuthError, CallContext, entropy::random_bytes};
use crate::{
    db::{MailRequest, Queued},
    domain::{ClientInfo, Email, MailPurpose, Session},
    mail::Mailer,
    metrics::Counter,
};

/// When to try again after too much mail waited: a few mails are sent by then.
const FULL_RETRY: Duration = Duration::from_secs(5);

/// Settings of mail with tokens.
#[derive(Debug, Clone, Copy)]
pub struct MailSettings {
    /// How long a token that sets a new password can be redeemed.
    pub reset_lifetime: Duration,
    /// How long a token that proves an address can be redeemed.
    pub verification_lifetime: Duration,
    /// The most mails that wait, of all replicas.
    pub queue: u32,
    /// What a redemption of a token that proves an address needs besides.
    pub verification_proof: VerificationProof,
    /// Mail that anybody may ask for becomes due at a random time within this one. Sending it is more
    /// work where a user has the address, and must not be seen by whoever asked.
    pub spread: Duration,
}

/// What proves, besides the token of the mail, that the reader of the mail knows the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerificationProof {
    /// A session or the password.
    Required,
    /// Nothing.
    None,
}

/// How long a former address can be restored.
pub(super) const RESTORE_LIFETIME: Duration = Duration::from_hours(7 * 24);

impl MailSettings {
    /// A random part of the spread.
    fn delay(&self) -> Result<Duration, AuthError> {
        let random = u16::from_be_bytes(random_bytes()?);
        Ok(self.spread * u32::from(random) / u32::from(u16::MAX))
    }

    /// How long the token of a mail can be redeemed, and how old a request may be for its mail to be
    /// sent still.
    pub(super) fn lifetime(&self, purpose: MailPurpose) -> Duration {
        match purpose {
            MailPurpose::PasswordReset => self.reset_lifetime,
            MailPurpose::EmailVerification
            | MailPurpose::EmailChange
            | MailPurpose::EmailChangeRequested
            | MailPurpose::EmailChanged
            | MailPurpose::EmailAssigned
            | MailPurpose::PasswordChanged
            | MailPurpose::SessionOpened => self.verification_lifetime,
            MailPurpose::EmailRestore => RESTORE_LIFETIME,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailMetrics {
    /// Mails that wait, of all replicas, when they were last counted.
    pub waiting: usize,
    /// Requests without a session that this replica looked up, whether or not somebody has the
    /// address: a number of mails that were sent would tell who exists.
    pub requests: u64,
    /// Failed tries of this replica.
    pub failed: u64,
}

/// The mailer, what wakes its worker, and the counts.
pub(super) struct Outbox {
    pub(super) mailer: Mailer,
    /// Notified when this replica stored a request without a session.
    requested: Notify,
    /// Notified when mail may be due.
    pub(super) due: Notify,
    pub(super) waiting: AtomicUsize,
    pub(super) requests: Counter,
    pub(super) failed: Counter,
}

impl Outbox {
    pub(super) fn new(mailer: Mailer) -> Self {
        Self {
            mailer,
            requested: Notify::new(),
            due: Notify::new(),
            waiting: AtomicUsize::new(0),
            requests: Counter::default(),
            failed: Counter::default(),
        }
    }

    /// Wakes a worker for a request that was stored.
    fn accept(queued: Queued, wakes: Option<&Notify>) -> Result<(), AuthError> {
        match queued {
            Queued::Yes => {
                wakes.inspect(|wakes| wakes.notify_one());
                Ok(())
            }
            Queued::TooOften { retry_after } => Err(AuthError::RateLimited { retry_after }),
            Queued::Full => Err(AuthError::Overloaded {
                retry_after: FULL_RETRY,
            }),
        }
    }
}

impl Auth {
    /// Requests a mail with a token that sets a new password. A request beyond the limits of its
    /// address changes nothing and answers the same.
    ///
    /// # Errors
    /// Too much mail waits.
    pub async fn request_password_reset(
        &self,
        call: &CallContext,
        email: Email,
        client: ClientInfo,
    ) -> Result<(), AuthError> {
        self.request_mail(call, email, MailPurpose::PasswordReset, client)
            .await
    }

    /// Requests a mail with a token that proves an address, in the same way.
    ///
    /// # Errors
    /// Too much mail waits.
    pub async fn request_email_verification(
        &self,
        call: &CallContext,
        email: Email,
        client: ClientInfo,
    ) -> Result<(), AuthError> {
        self.request_mail(call, email, MailPurpose::EmailVerification, client)
            .await
    }

    async fn request_mail(
        &self,
        call: &CallContext,
        email: Email,
        purpose: MailPurpose,
        client: ClientInfo,
    ) -> Result<(), AuthError> {
        let spends = self.mail_spendings(call, &client, None).await?;
        let (ip, user_agent) = (client.ip, client.user_agent.clone());
        let request = MailRequest {
            to: email,
            purpose,
            by: None,
            session: None,
            client,
            lifetime: self.settings.mail.lifetime(purpose),
            now: self.clock.now(),
            delay: self.settings.mail.delay()?,
            spends,
        };
        let queue = self.settings.mail.queue;
        let queued = self.db.request_mail(request, queue, call.deadline);
        let at_once = self.settings.mail.spread.is_zero();
        Outbox::accept(queued.await?, at_once.then_some(&self.outbox.requested))?;
        tracing::info!(
            %purpose,
            claimed_ip = ip.map(display),
            claimed_user_agent = user_agent,
            "mail requested"
        );
        Ok(())
    }

    /// Requests the mails of a change of address by a user who was just proven: a token to the new
    /// address, or a warning where it is another user's, and a notice to the current address.
    ///
    /// # Errors
    /// The session has ended meanwhile, or too much mail waits.
    pub(super) async fn request_email_change_mails(
        &self,
        call: &CallContext,
        session: &Session,
        new: Email,
        client: ClientInfo,
    ) -> Result<(), AuthError> {
        let purpose = MailPurpose::EmailChange;
        let by = Some(session.user_id);
        let spends = self.mail_spendings(call, &client, by).await?;
        let asking = (session.user_id, session.id);
        let request = MailRequest {
            to: new,
            purpose,
            by,
            session: Some(session.id),
            client,
            lifetime: self.settings.mail.lifetime(purpose),
            now: self.clock.now(),
            delay: Duration::ZERO,
            spends,
        };
        let queue = self.settings.mail.queue;
        let queued = self
            .db
            .request_email_change(request, asking, queue, call.deadline);
        let queued = queued.await?.ok_or(AuthError::SessionInvalid)?;
        Outbox::accept(queued, Some(&self.outbox.due))
    }

    /// Resolves when this replica stored a request without a session, if it is to be looked up at once.
    pub async fn mail_requested(&self) {
        self.outbox.requested.notified().await;
    }

    /// Resolves when mail may be due.
    pub async fn mail_due(&self) {
        self.outbox.due.notified().await;
    }

    /// Counts of mail since the start.
    pub fn mail_metrics(&self) -> MailMetrics {
        MailMetrics {
            waiting: self.outbox.waiting.load(Ordering::Relaxed),
            requests: self.outbox.requests.get(),
            failed: self.outbox.failed.get(),
        }
    }
}
