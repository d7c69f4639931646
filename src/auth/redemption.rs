//! Redeeming one-time tokens. A token is checked before the work that its redemption takes, and
//! again in the transaction of the change; every token that is not good gets the same answer.

use super::{Auth, AuthError, CallContext, account::refuse_guessable, entropy::random_bytes};
use crate::{
    db::{MailRequest, Redemption, TokenProof},
    domain::{
        ClientInfo, Email, EmailChangeKind, EmailVerificationKind, Event, EventKind, MailPurpose,
        NewPassword, OneTimeTokenId, PasswordResetKind, Presented, TokenKind, TokenPurpose, User,
    },
};

/// A request to set a new password with a one-time token.
#[derive(Debug, Clone)]
pub struct PasswordReset {
    /// The token as presented.
    pub token: Presented<PasswordResetKind>,
    /// The password to set.
    pub new: NewPassword,
    /// The end user's client.
    pub client: ClientInfo,
}

impl Auth {
    /// Sets a new password and ends all sessions of the user; none is opened. A password that is
    /// refused does not use up the token.
    ///
    /// # Errors
    /// The token is not good, or the password is the user's address.
    pub async fn reset_password(
        &self,
        call: &CallContext,
        reset: PasswordReset,
    ) -> Result<(), AuthError> {
        let proof = token_proof(&reset.token, TokenPurpose::PasswordReset)?;
        let user = self.find_token_owner(call, proof).await?;
        refuse_guessable(&reset.new, &user)?;
        let hashed = self
            .hasher
            .hash_password(reset.new, random_bytes()?, call.deadline)
            .await?;
        let event = call.event(&self.clock, EventKind::PasswordReset, Some(user.id), None)?;
        let event = event.with_client(reset.client);
        let redemption = Redemption::PasswordReset(hashed);
        self.redeem(call, proof, redemption, event).await?;
        tracing::info!(user_id = %user.id, "password reset");
        Ok(())
    }

    /// Records that mail to the user's address reaches the user.
    ///
    /// # Errors
    /// The token is not good.
    pub async fn verify_email(
        &self,
        call: &CallContext,
        token: &Presented<EmailVerificationKind>,
    ) -> Result<(), AuthError> {
        let proof = token_proof(token, TokenPurpose::EmailVerification)?;
        let user = self.find_token_owner(call, proof).await?;
        let event = call.event(&self.clock, EventKind::EmailVerified, Some(user.id), None)?;
        let redemption = Redemption::EmailVerification;
        self.redeem(call, proof, redemption, event).await?;
        tracing::info!(user_id = %user.id, "address verified");
        Ok(())
    }

    /// Replaces the user's address, ends all their sessions, and mails a notice to the former
    /// address.
    ///
    /// # Errors
    /// The token is not good, also when another user has taken the new address meanwhile.
    pub async fn confirm_email_change(
        &self,
        call: &CallContext,
        token: &Presented<EmailChangeKind>,
    ) -> Result<(), AuthError> {
        let proof = token_proof(token, TokenPurpose::EmailChange)?;
        let user = self.find_token_owner(call, proof).await?;
        let event = call.event(&self.clock, EventKind::EmailChanged, Some(user.id), None)?;
        // An address that does not parse was not stored by this service and cannot be mailed.
        let notice = Email::parse(&user.email.0).ok().map(|to| MailRequest {
            to,
            purpose: MailPurpose::EmailChanged,
            by: Some((user.id, user.session_epoch)),
            now: event.at,
        });
        let redemption = Redemption::EmailChange(notice);
        self.redeem(call, proof, redemption, event).await?;
        self.outbox.requested.notify_one();
        tracing::info!(user_id = %user.id, "address changed");
        Ok(())
    }

    async fn find_token_owner(
        &self,
        call: &CallContext,
        proof: TokenProof,
    ) -> Result<User, AuthError> {
        let now = self.clock.now();
        let owner = self.db.find_token_owner(proof, now, call.deadline).await?;
        owner.ok_or(AuthError::TokenInvalid)
    }

    async fn redeem(
        &self,
        call: &CallContext,
        proof: TokenProof,
        redemption: Redemption,
        event: Event,
    ) -> Result<User, AuthError> {
        let redeemed = self
            .db
            .redeem_token(proof, redemption, event, call.deadline);
        redeemed.await?.ok_or(AuthError::TokenInvalid)
    }
}

fn token_proof<K: TokenKind<Id = OneTimeTokenId>>(
    presented: &Presented<K>,
    purpose: TokenPurpose,
) -> Result<TokenProof, AuthError> {
    match presented {
        Presented::Token(token) => Ok(TokenProof {
            id: token.id(),
            secret_hash: token.secret_hash(),
            purpose,
        }),
        Presented::Malformed => Err(AuthError::TokenInvalid),
    }
}
