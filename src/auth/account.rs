//! Changes that users make to their own account. The proof is a live session together with the
//! current password.
//!
//! The password is verified after every cheaper check. Sessions end and passwords change while it
//! is verified, so the transaction of the change checks again that the proof holds.

use super::{
    Auth, AuthError, CallContext,
    entropy::random_bytes,
    guessable::{parse_stored_address, refuse_guessable},
    throttle::Throttling,
};
use crate::{
    db::{AfterWrong, ProvenUser},
    domain::{
        ClientInfo, Email, EventKind, NewPassword, PasswordAttempt, PresentedToken, Session, User,
    },
    hashing::Verification,
};

/// What a user presents to change their own account.
#[derive(Debug, Clone)]
pub struct OwnerProof {
    /// A token of the user's live session.
    pub session: PresentedToken,
    pub password: PasswordAttempt,
    /// The end user's client.
    pub client: ClientInfo,
}

/// A user's request to replace their password.
#[derive(Debug, Clone)]
pub struct PasswordChange {
    /// The session and the current password.
    pub proof: OwnerProof,
    /// The password to set.
    pub new: NewPassword,
}

impl Auth {
    /// Sets a new password. The session of the proof lives on; all others end, and so do all
    /// one-time tokens.
    ///
    /// # Errors
    /// The session is not live, the current password is wrong (also when it was changed during the
    /// call), or the new password is the user's address.
    pub async fn change_password(
        &self,
        call: &CallContext,
        change: PasswordChange,
    ) -> Result<(), AuthError> {
        let PasswordChange { proof, new } = change;
        let (session, user) = self.live_session(call, &proof.session).await?;
        refuse_guessable(&new, self.settings.password, &user)?;
        self.verify_current_password(call, &session, &user, &proof, Throttling::Refuses)
            .await?;
        let hashed = self
            .hasher
            .hash_password(
                new,
                random_bytes()?,
                call.flow(&proof.client),
                call.deadline,
            )
            .await?;
        let (kind, session_id) = (EventKind::PasswordChanged, Some(session.id));
        let event = call.event(&self.clock, kind, Some(user.id), session_id)?;
        let event = event.with_client(proof.client);
        let proven = ProvenUser {
            session: session.id,
            verified: user.hashed_password,
        };
        let changed = self
            .db
            .change_password(user.id, proven, hashed, event, call.deadline);
        if !changed.await? {
            return Err(self.why_proof_lapsed(call, &proof.session).await);
        }
        self.outbox.due.notify_one();
        tracing::info!(user_id = %user.id, session_id = %session.id, "password changed");
        Ok(())
    }

    /// Requests a change of address, which a token mailed to the new address completes, and ends the
    /// change that was under way. The answer is the same when another user has the address. The
    /// present address only ends the change that was under way.
    ///
    /// # Errors
    /// The session is not live, the current password is wrong, or too much mail waits.
    pub async fn request_email_change(
        &self,
        call: &CallContext,
        proof: OwnerProof,
        new: Email,
    ) -> Result<(), AuthError> {
        let verified = self.verify_owner(call, &proof, Throttling::Refuses);
        let (session, user) = verified.await?;
        if new.as_given() == user.email.0 {
            return self.end_email_change(call, &session, true).await;
        }
        self.request_email_change_mails(call, &session, new, proof.client)
            .await?;
        tracing::info!(user_id = %user.id, session_id = %session.id, "change of address requested");
        Ok(())
    }

    /// Ends the change of address that is under way; where none is, nothing changes.
    ///
    /// # Errors
    /// The session is not live.
    pub async fn cancel_email_change(
        &self,
        call: &CallContext,
        token: &PresentedToken,
    ) -> Result<(), AuthError> {
        let (session, _) = self.live_session(call, token).await?;
        self.end_email_change(call, &session, false).await
    }

    async fn end_email_change(
        &self,
        call: &CallContext,
        session: &Session,
        gave_password: bool,
    ) -> Result<(), AuthError> {
        let kind = EventKind::EmailChangeCancelled;
        let user = Some(session.user_id);
        let event = call.event(&self.clock, kind, user, Some(session.id))?;
        let asking = (session.user_id, session.id);
        let lives = self
            .db
            .cancel_email_change(asking, gave_password, event, call.deadline);
        if !lives.await? {
            return Err(AuthError::SessionInvalid);
        }
        Ok(())
    }

    /// Notes that the user of a session proved the password again. A throttled account is no reason to
    /// refuse it: the session ends after a few wrong passwords, and the right one lifts the throttle.
    ///
    /// # Errors
    /// The session is not live, or the password is wrong (also when it was changed during the call).
    pub async fn reauthenticate(
        &self,
        call: &CallContext,
        proof: OwnerProof,
    ) -> Result<Session, AuthError> {
        let now = self.clock.now();
        let verified = self.verify_owner(call, &proof, Throttling::Counts);
        let (session, user) = verified.await?;
        let verified = user.hashed_password;
        let stored = self
            .db
            .reauthenticate_session(session.id, verified, now, call.deadline);
        let Some(session) = stored.await? else {
            return Err(self.why_proof_lapsed(call, &proof.session).await);
        };
        self.note_outcome(
            call,
            EventKind::LoginSucceeded,
            Some(user.id),
            &proof.client,
        )?;
        tracing::info!(user_id = %user.id, session_id = %session.id, "password proven again");
        Ok(session.limited_to(self.settings.session_limits))
    }

    /// Erases the user.
    ///
    /// # Errors
    /// The session is not live, or the current password is wrong (also when it was changed during
    /// the call).
    pub async fn close_account(
        &self,
        call: &CallContext,
        proof: OwnerProof,
    ) -> Result<(), AuthError> {
        let verified = self.verify_owner(call, &proof, Throttling::Refuses);
        let (session, user) = verified.await?;
        let (kind, session_id) = (EventKind::UserDeleted, Some(session.id));
        let event = call.event(&self.clock, kind, Some(user.id), session_id)?;
        let proven = ProvenUser {
            session: session.id,
            verified: user.hashed_password,
        };
        let erased = self
            .db
            .erase_user(user.id, Some(proven), event, call.deadline);
        if !erased.await? {
            return Err(self.why_proof_lapsed(call, &proof.session).await);
        }
        tracing::info!(user_id = %user.id, "user erased");
        Ok(())
    }

    /// The session and the user of a proof, verified.
    async fn verify_owner(
        &self,
        call: &CallContext,
        proof: &OwnerProof,
        throttling: Throttling,
    ) -> Result<(Session, User), AuthError> {
        let (session, user) = self.live_session(call, &proof.session).await?;
        self.verify_current_password(call, &session, &user, proof, throttling)
            .await?;
        Ok((session, user))
    }

    /// Verifies the current password. A wrong password is noted as a failed login and counted on
    /// the session, which ends after too many. Guesses that are still being verified at that time
    /// get `SessionInvalid`, so that none of them is answered.
    async fn verify_current_password(
        &self,
        call: &CallContext,
        session: &Session,
        user: &User,
        proof: &OwnerProof,
        throttling: Throttling,
    ) -> Result<(), AuthError> {
        let (password, client) = (proof.password.clone(), &proof.client);
        let is_right = self.is_password_of(call, user, password, client, throttling);
        if is_right.await? {
            return Ok(());
        }
        let (kind, session_id) = (EventKind::SessionRevoked, Some(session.id));
        let ended = call.event(&self.clock, kind, Some(user.id), session_id)?;
        let ended = ended.with_client(client.clone());
        let tried = (user.id, session.id);
        let count = self.db.count_wrong_password(tried, ended, call.deadline);
        match count.await? {
            AfterWrong::Lives => Err(AuthError::CurrentPasswordWrong),
            AfterWrong::Ends => {
                tracing::warn!(user_id = %user.id, session_id = %session.id, "session ended after wrong passwords");
                Err(AuthError::CurrentPasswordWrong)
            }
            AfterWrong::HadEnded => Err(AuthError::SessionInvalid),
        }
    }

    /// Whether this is the user's password. A wrong one is noted as a failed login and counts as one.
    pub(super) async fn is_password_of(
        &self,
        call: &CallContext,
        user: &User,
        password: PasswordAttempt,
        client: &ClientInfo,
        throttling: Throttling,
    ) -> Result<bool, AuthError> {
        let email = parse_stored_address(user)?;
        let attempt = self.begin_attempt(call, email.key(), client, throttling);
        let (attempt, _) = attempt.await?;
        let stored = user.stored_password();
        let verification = self.hasher.verify(
            password.clone(),
            stored,
            email.key(),
            call.flow(client),
            call.deadline,
        );
        match verification.await? {
            Verification::Match { .. } => {
                self.pass_attempt(call, &attempt).await?;
                Ok(true)
            }
            Verification::Mismatch => {
                self.fail_attempt(call, &attempt, &password, client).await?;
                self.note_outcome(call, EventKind::LoginFailed, Some(user.id), client)?;
                Ok(false)
            }
        }
    }

    /// Why the transaction of a change found that the proof no longer holds.
    async fn why_proof_lapsed(&self, call: &CallContext, token: &PresentedToken) -> AuthError {
        match self.live_session(call, token).await {
            Ok(_) => AuthError::CurrentPasswordWrong,
            Err(error) => error,
        }
    }
}
