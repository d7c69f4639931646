//! Changes that users make to their own account. The proof is a live session together with the
//! current password.
//!
//! The password is verified after every cheaper check. Sessions end and passwords change while it
//! is verified, so the transaction of the change checks again that the proof holds.

use super::{Auth, AuthError, CallContext, entropy::random_bytes};
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
}

/// A user's request to replace their password.
#[derive(Debug, Clone)]
pub struct PasswordChange {
    /// The session and the current password.
    pub proof: OwnerProof,
    /// The password to set.
    pub new: NewPassword,
    /// The end user's client.
    pub client: ClientInfo,
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
        let PasswordChange { proof, new, client } = change;
        let (session, user) = self.live_session(call, &proof.session).await?;
        refuse_guessable(&new, &user)?;
        self.verify_current_password(call, &session, &user, proof.password, &client)
            .await?;
        let hashed = self
            .hasher
            .hash_password(new, random_bytes()?, call.deadline)
            .await?;
        let (kind, session_id) = (EventKind::PasswordChanged, Some(session.id));
        let event = call.event(&self.clock, kind, Some(user.id), session_id)?;
        let event = event.with_client(client);
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
        tracing::info!(user_id = %user.id, session_id = %session.id, "password changed");
        Ok(())
    }

    /// Requests a change of address, which a token mailed to the new address completes. The answer
    /// is the same when another user has the address.
    ///
    /// # Errors
    /// The session is not live, the current password is wrong, or too much mail waits.
    pub async fn request_email_change(
        &self,
        call: &CallContext,
        proof: OwnerProof,
        new: Email,
    ) -> Result<(), AuthError> {
        let (session, user) = self.verify_owner(call, &proof).await?;
        self.request_email_change_mails(call, session.id, &user, new)
            .await?;
        tracing::info!(user_id = %user.id, session_id = %session.id, "change of address requested");
        Ok(())
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
        let (session, user) = self.verify_owner(call, &proof).await?;
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
    ) -> Result<(Session, User), AuthError> {
        let (session, user) = self.live_session(call, &proof.session).await?;
        let (password, client) = (proof.password.clone(), ClientInfo::default());
        self.verify_current_password(call, &session, &user, password, &client)
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
        password: PasswordAttempt,
        client: &ClientInfo,
    ) -> Result<(), AuthError> {
        let email = parse_stored_address(user)?;
        let stored = user.stored_password();
        let verification = self
            .hasher
            .verify(password, stored, email.key(), call.deadline)
            .await?;
        match verification {
            Verification::Match { .. } => return Ok(()),
            Verification::Mismatch => {}
        }
        self.note_outcome(call, EventKind::LoginFailed, Some(user.id), client)?;
        let (kind, session_id) = (EventKind::SessionRevoked, Some(session.id));
        let ended = call.event(&self.clock, kind, Some(user.id), session_id)?;
        let ended = ended.with_client(client.clone());
        let count = self
            .db
            .count_wrong_password(session.id, ended, call.deadline);
        match count.await? {
            AfterWrong::Lives => Err(AuthError::CurrentPasswordWrong),
            AfterWrong::Ends => {
                tracing::warn!(user_id = %user.id, session_id = %session.id, "session ended after wrong passwords");
                Err(AuthError::CurrentPasswordWrong)
            }
            AfterWrong::HadEnded => Err(AuthError::SessionInvalid),
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

/// Refuses the user's address as their password. The policy checks this where the address is part
/// of the request; here only the user's row has it.
pub(super) fn refuse_guessable(password: &NewPassword, user: &User) -> Result<(), AuthError> {
    if password.is_address(&parse_stored_address(user)?) {
        return Err(AuthError::NewPasswordGuessable);
    }
    Ok(())
}

/// Every address was parsed before it was stored.
fn parse_stored_address(user: &User) -> Result<Email, AuthError> {
    Email::parse(&user.email.0).map_err(|fault| AuthError::Internal(fault.into()))
}
