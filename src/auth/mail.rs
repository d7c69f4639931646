//! Requests for mail. Their work and answer are the same whether or not a user has the address;
//! sending is the part of `delivery`.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use tokio::sync::Notify;

use super::{Auth, AuthError, CallContext};
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
    /// Mails that the mail server accepted from this replica.
    pub sent: u64,
    /// Failed tries of this replica.
    pub failed: u64,
}

/// The mailer, what wakes its worker, and the counts.
pub(super) struct Outbox {
    pub(super) mailer: Mailer,
    /// Notified when this replica stored a request.
    pub(super) requested: Notify,
    pub(super) waiting: AtomicUsize,
    pub(super) sent: Counter,
    pub(super) failed: Counter,
}

impl Outbox {
    pub(super) fn new(mailer: Mailer) -> Self {
        Self {
            mailer,
            requested: Notify::new(),
            waiting: AtomicUsize::new(0),
            sent: Counter::default(),
            failed: Counter::default(),
        }
    }

    /// Wakes the worker for a request that was stored.
    fn accept(&self, queued: Queued) -> Result<(), AuthError> {
        match queued {
            Queued::Yes => {
                self.requested.notify_one();
                Ok(())
            }
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
        let (ip, user_agent) = (client.ip, client.user_agent.clone());
        let request = MailRequest {
            to: email,
            purpose,
            by: None,
            session: None,
            client,
            lifetime: self.settings.mail.lifetime(purpose),
            now: self.clock.now(),
        };
        let queue = self.settings.mail.queue;
        let queued = self.db.request_mail(request, queue, call.deadline);
        self.outbox.accept(queued.await?)?;
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
        let asking = (session.user_id, session.id);
        let request = MailRequest {
            to: new,
            purpose,
            by: Some(session.user_id),
            session: Some(session.id),
            client,
            lifetime: self.settings.mail.lifetime(purpose),
            now: self.clock.now(),
        };
        let queue = self.settings.mail.queue;
        let queued = self
            .db
            .request_email_change(request, asking, queue, call.deadline);
        let queued = queued.await?.ok_or(AuthError::SessionInvalid)?;
        self.outbox.accept(queued)
    }

    /// Resolves when this replica stored a request for mail.
    pub async fn mail_requested(&self) {
        self.outbox.requested.notified().await;
    }

    /// Counts of mail since the start.
    pub fn mail_metrics(&self) -> MailMetrics {
        MailMetrics {
            waiting: self.outbox.waiting.load(Ordering::Relaxed),
            sent: self.outbox.sent.get(),
            failed: self.outbox.failed.get(),
        }
    }
}
