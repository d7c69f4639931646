//! What users do with their own account: the session is the proof, and where it matters the current
//! password as well.
//!
//! A password is verified after every cheaper check. What it proves must still hold in the
//! transaction of the change: sessions end and passwords change while it is verified.

use super::{Auth, AuthError, CallContext, entropy::random};
use crate::{
    db::{AfterWrong, ProvenUser, UpdateUserError, UserChange},
    domain::{
        ClientInfo, Email, EventKind, NewPassword, PasswordAttempt, PresentedToken, Session,
        SessionVerdict, User,
    },
    hashing::Verification,
};

/// What somebody presents to act on their own account.
#[derive(Debug, Clone)]
pub struct OwnerProof {
    /// The session that asks.
    pub session: PresentedToken,
    /// The current password.
    pub password: PasswordAttempt,
}

/// A password to change.
#[derive(Debug, Clone)]
pub struct PasswordChange {
    /// Who asks.
    pub proof: OwnerProof,
    /// The password to set.
    pub new: NewPassword,
    /// The end user's client.
    pub client: ClientInfo,
}

impl Auth {
    /// Sets a new password. The session that asked lives on; the others end, and so does every
    /// one-time token.
    ///
    /// # Errors
    /// The session is no proof, the current password is wrong (also when it was changed meanwhile),
    /// the new one is the address, the hash queue is full, the database is away or the deadline
    /// passed.
    pub async fn change_password(
        &self,
        call: &CallContext,
        change: PasswordChange,
    ) -> Result<(), AuthError> {
        let PasswordChange { proof, new, client } = change;
        let (session, user) = self.live_session(call, &proof.session).await?;
        refuse_guessable(&new, &user)?;
        self.prove(call, &session, &user, proof.password, &client)
            .await?;
        let hashed = self
            .hasher
            .hash_password(new, random()?, call.deadline)
            .await?;
        let (kind, origin) = (EventKind::PasswordChanged, call.origin(client));
        let event = self.event(kind, user.id, Some(session.id), origin)?;
        let change = UserChange::Password {
            verified: user.hashed_password,
            hashed,
            kept: Some(session.id),
        };
        let (now, deadline) = (event.at, call.deadline);
        let updated = self
            .db
            .update_user(user.id, change, now, Some(event), deadline);
        match updated.await {
            Ok(_) => {
                tracing::info!(user_id = %user.id, session_id = %session.id, "password changed");
                Ok(())
            }
            Err(UpdateUserError::Db(error)) => Err(error.into()),
            Err(
                UpdateUserError::PasswordChanged
                | UpdateUserError::EmailTaken
                | UpdateUserError::UnknownUser,
            ) => Err(self.overtaken(call, &proof.session).await),
        }
    }

    /// Asks for a change of address, which a token that is mailed there completes. Whether the
    /// address is another user's is not told.
    ///
    /// # Errors
    /// The session is no proof, the current password is wrong, too much mail waits, the hash queue is
    /// full, the database is away or the deadline passed.
    pub async fn request_email_change(
        &self,
        call: &CallContext,
        proof: OwnerProof,
        new: Email,
    ) -> Result<(), AuthError> {
        let (session, user) = self.proven_owner(call, &proof).await?;
        self.request_email_change_mails(call, session.id, &user, new)
            .await?;
        tracing::info!(user_id = %user.id, session_id = %session.id, "change of address requested");
        Ok(())
    }

    /// Erases the user whose session and password these are.
    ///
    /// # Errors
    /// The session is no proof, the current password is wrong (also when it was changed meanwhile),
    /// the hash queue is full, the database is away or the deadline passed.
    pub async fn close_account(
        &self,
        call: &CallContext,
        proof: OwnerProof,
    ) -> Result<(), AuthError> {
        let (session, user) = self.proven_owner(call, &proof).await?;
        let origin = call.origin(ClientInfo::default());
        let event = self.event(EventKind::UserDeleted, user.id, Some(session.id), origin)?;
        let proven = ProvenUser {
            session: session.id,
            verified: user.hashed_password,
        };
        let erased = self
            .db
            .erase_user(user.id, Some(proven), event, call.deadline);
        if !erased.await? {
            return Err(self.overtaken(call, &proof.session).await);
        }
        tracing::info!(user_id = %user.id, "user erased");
        Ok(())
    }

    /// The live session and its user, whose current password came with it.
    async fn proven_owner(
        &self,
        call: &CallContext,
        proof: &OwnerProof,
    ) -> Result<(Session, User), AuthError> {
        let (session, user) = self.live_session(call, &proof.session).await?;
        let (password, client) = (proof.password.clone(), ClientInfo::default());
        self.prove(call, &session, &user, password, &client).await?;
        Ok((session, user))
    }

    /// The live session that a token proves, and its user.
    pub(super) async fn live_session(
        &self,
        call: &CallContext,
        token: &PresentedToken,
    ) -> Result<(Session, User), AuthError> {
        match self.validate_session(call, token).await? {
            SessionVerdict::Active(active) => Ok(*active),
            SessionVerdict::Expired
            | SessionVerdict::Revoked
            | SessionVerdict::NotFound
            | SessionVerdict::UserDisabled => Err(AuthError::SessionInvalid),
        }
    }

    /// Verifies the current password. A wrong one is an outcome like that of a login, and counts on
    /// the session that tried it; once that has ended, guesses that were still being verified are not
    /// answered.
    async fn prove(
        &self,
        call: &CallContext,
        session: &Session,
        user: &User,
        password: PasswordAttempt,
        client: &ClientInfo,
    ) -> Result<(), AuthError> {
        let email = address(user)?;
        let stored = user.stored_password();
        let verification = self
            .hasher
            .verify(password, stored, email.key(), call.deadline)
            .await?;
        match verification {
            Verification::Match { .. } => return Ok(()),
            Verification::Mismatch => {}
        }
        self.note(call, EventKind::LoginFailed, Some(user.id), client)?;
        let (kind, origin) = (EventKind::SessionRevoked, call.origin(client.clone()));
        let ended = self.event(kind, user.id, Some(session.id), origin)?;
        let count = self
            .db
            .count_wrong_password(session.id, ended, call.deadline);
        match count.await? {
            AfterWrong::Lives => Err(AuthError::BadCredentials),
            AfterWrong::Ends => {
                tracing::warn!(user_id = %user.id, session_id = %session.id, "session ended after wrong passwords");
                Err(AuthError::BadCredentials)
            }
            AfterWrong::HadEnded => Err(AuthError::SessionInvalid),
        }
    }

    /// Why what was proven no longer held when the change was to be made.
    async fn overtaken(&self, call: &CallContext, token: &PresentedToken) -> AuthError {
        match self.live_session(call, token).await {
            Ok(_) => AuthError::BadCredentials,
            Err(error) => error,
        }
    }
}

/// A new password must not be the address, which is known only now.
pub(super) fn refuse_guessable(password: &NewPassword, user: &User) -> Result<(), AuthError> {
    if password.is_address(&address(user)?) {
        return Err(AuthError::NewPasswordGuessable);
    }
    Ok(())
}

/// What is stored was an address when it was stored.
fn address(user: &User) -> Result<Email, AuthError> {
    Email::parse(&user.email.0).map_err(|fault| AuthError::Internal(fault.into()))
}
