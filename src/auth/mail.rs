//! Asking for mail, the same way whether or not anybody has the address. Sending it is `delivery`'s.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use tokio::sync::Notify;

use super::{Auth, AuthError, CallContext};
use crate::{
    db::{MailRequest, Queued},
    domain::{ClientInfo, Email, MailPurpose, SessionId, TokenPurpose, User},
    mail::Mailer,
    metrics::Counter,
};

/// How mail with tokens is handled.
#[derive(Debug, Clone, Copy)]
pub struct MailSettings {
    /// How long a token that sets a new password can be used.
    pub reset_lifetime: Duration,
    /// How long a token that proves an address can be used.
    pub verification_lifetime: Duration,
    /// The most mails that wait.
    pub queue: u32,
}

impl MailSettings {
    /// How long a token can be used.
    pub fn lifetime(&self, purpose: TokenPurpose) -> Duration {
        match purpose {
            TokenPurpose::PasswordReset => self.reset_lifetime,
            TokenPurpose::EmailVerification | TokenPurpose::EmailChange => {
                self.verification_lifetime
            }
        }
    }

    /// How old a request may be for a mail to be still sent.
    pub(super) fn patience(&self, purpose: MailPurpose) -> Duration {
        match purpose {
            MailPurpose::PasswordReset => self.reset_lifetime,
            MailPurpose::EmailVerification
            | MailPurpose::EmailChange
            | MailPurpose::EmailChangeRequested
            | MailPurpose::EmailChanged => self.verification_lifetime,
        }
    }
}

/// How mail is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailMetrics {
    /// Mails that wait, when they were last counted.
    pub waiting: usize,
    /// Mails that were taken by the mail server.
    pub sent: u64,
    /// Tries that failed.
    pub failed: u64,
}

/// The way out, and what is known of it.
pub(super) struct Outbox {
    pub(super) mailer: Mailer,
    /// Told when something was asked for.
    pub(super) asked: Notify,
    pub(super) waiting: AtomicUsize,
    pub(super) sent: Counter,
    pub(super) failed: Counter,
}

/// When to try again where too much mail waits: a few are sent by then.
const FULL_RETRY: Duration = Duration::from_secs(5);

impl Outbox {
    pub(super) fn new(mailer: Mailer) -> Self {
        Self {
            mailer,
            asked: Notify::new(),
            waiting: AtomicUsize::new(0),
            sent: Counter::default(),
            failed: Counter::default(),
        }
    }
}

impl Auth {
    /// Asks for a mail with a token that sets a new password. Unknown addresses get the same answer
    /// for the same work; one request too many changes nothing.
    ///
    /// # Errors
    /// Too much mail waits, the database is away or the deadline passed.
    pub async fn request_password_reset(
        &self,
        call: &CallContext,
        email: Email,
        client: ClientInfo,
    ) -> Result<(), AuthError> {
        self.request_by_anybody(call, email, MailPurpose::PasswordReset, client)
            .await
    }

    /// Asks for a mail with a token that proves an address, in the same way.
    ///
    /// # Errors
    /// Too much mail waits, the database is away or the deadline passed.
    pub async fn request_email_verification(
        &self,
        call: &CallContext,
        email: Email,
        client: ClientInfo,
    ) -> Result<(), AuthError> {
        self.request_by_anybody(call, email, MailPurpose::EmailVerification, client)
            .await
    }

    /// Whose address it is, is neither known here nor told.
    async fn request_by_anybody(
        &self,
        call: &CallContext,
        email: Email,
        purpose: MailPurpose,
        client: ClientInfo,
    ) -> Result<(), AuthError> {
        let request = MailRequest {
            to: email,
            purpose,
            by: None,
            now: self.clock.now(),
        };
        let queue = self.settings.mail.queue;
        self.asked(self.db.request_mail(request, queue, call.deadline).await?)?;
        tracing::info!(
            %purpose,
            claimed_ip = client.ip.map(display),
            claimed_user_agent = client.user_agent,
            "mail asked for"
        );
        Ok(())
    }

    /// Asks for the mails of a change of address, by a user who was just proven: a token to the new
    /// address, or a warning if it is another user's; and a notice to the current one.
    ///
    /// # Errors
    /// The session has ended meanwhile, too much mail waits, the database is away or the deadline
    /// passed.
    pub(super) async fn request_email_change_mails(
        &self,
        call: &CallContext,
        session: SessionId,
        user: &User,
        new: Email,
    ) -> Result<(), AuthError> {
        let now = self.clock.now();
        let mail = |to, purpose| MailRequest {
            to,
            purpose,
            by: Some((user.id, user.session_epoch)),
            now,
        };
        let request = mail(new, MailPurpose::EmailChange);
        // An address that does not parse came from elsewhere and cannot be mailed.
        let current = Email::parse(&user.email.0).ok();
        let notice = current.map(|current| mail(current, MailPurpose::EmailChangeRequested));
        let queue = self.settings.mail.queue;
        let queued = self
            .db
            .request_email_change(session, request, notice, queue, call.deadline);
        self.asked(queued.await?.ok_or(AuthError::SessionInvalid)?)
    }

    fn asked(&self, queued: Queued) -> Result<(), AuthError> {
        match queued {
            Queued::Yes => {
                self.outbox.asked.notify_one();
                Ok(())
            }
            Queued::Full => Err(AuthError::Overloaded {
                retry_after: FULL_RETRY,
            }),
        }
    }

    /// Resolves when mail was asked for here.
    pub async fn mail_asked_for(&self) {
        self.outbox.asked.notified().await;
    }

    /// How mail is doing.
    pub fn mail_figures(&self) -> MailMetrics {
        MailMetrics {
            waiting: self.outbox.waiting.load(Ordering::Relaxed),
            sent: self.outbox.sent.get(),
            failed: self.outbox.failed.get(),
        }
    }
}
