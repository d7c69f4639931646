//! What one-time tokens do. Whether a token is good is asked before the work that it takes and
//! judged in the transaction of the change; every token that is not gets the same answer.

use super::{Auth, AuthError, CallContext, account::refuse_guessable, entropy::random};
use crate::{
    db::{MailRequest, Redemption, TokenProof},
    domain::{
        ClientInfo, Email, Event, EventKind, MailPurpose, NewPassword, OfEmailChange, OfReset,
        OfVerification, OneTimeTokenId, Presented, TokenKind, TokenPurpose, User,
    },
};

/// A password to set with a token.
#[derive(Debug, Clone)]
pub struct PasswordReset {
    /// What was presented.
    pub token: Presented<OfReset>,
    /// The password to set.
    pub new: NewPassword,
    /// The end user's client.
    pub client: ClientInfo,
}

impl Auth {
    /// Sets a new password with a token, ends all sessions and opens none. A password that is refused
    /// leaves the token as it is.
    ///
    /// # Errors
    /// The token redeems nothing, the password is the address, the hash queue is full, the database
    /// is away or the deadline passed.
    pub async fn reset_password(
        &self,
        call: &CallContext,
        reset: PasswordReset,
    ) -> Result<(), AuthError> {
        let proof = proof(&reset.token, TokenPurpose::PasswordReset)?;
        let user = self.owner(call, proof).await?;
        refuse_guessable(&reset.new, &user)?;
        let hashed = self
            .hasher
            .hash_password(reset.new, random()?, call.deadline)
            .await?;
        let origin = call.origin(reset.client);
        let event = self.event(EventKind::PasswordReset, user.id, None, origin)?;
        let redemption = Redemption::PasswordReset(hashed);
        self.redeem(call, proof, redemption, event).await?;
        tracing::info!(user_id = %user.id, "password reset");
        Ok(())
    }

    /// Proves a user's address with a token.
    ///
    /// # Errors
    /// The token redeems nothing, the database is away or the deadline passed.
    pub async fn verify_email(
        &self,
        call: &CallContext,
        token: &Presented<OfVerification>,
    ) -> Result<(), AuthError> {
        let proof = proof(token, TokenPurpose::EmailVerification)?;
        let user = self.owner(call, proof).await?;
        let origin = call.origin(ClientInfo::default());
        let event = self.event(EventKind::EmailVerified, user.id, None, origin)?;
        let redemption = Redemption::EmailVerification;
        self.redeem(call, proof, redemption, event).await?;
        tracing::info!(user_id = %user.id, "address verified");
        Ok(())
    }

    /// Makes another address the user's with a token, and ends all sessions. The address that it was
    /// is told.
    ///
    /// # Errors
    /// The token redeems nothing, or another user has the address by now; the database is away or
    /// the deadline passed.
    pub async fn confirm_email_change(
        &self,
        call: &CallContext,
        token: &Presented<OfEmailChange>,
    ) -> Result<(), AuthError> {
        let proof = proof(token, TokenPurpose::EmailChange)?;
        let user = self.owner(call, proof).await?;
        let origin = call.origin(ClientInfo::default());
        let event = self.event(EventKind::EmailChanged, user.id, None, origin)?;
        // What does not parse came from elsewhere and cannot be mailed.
        let notice = Email::parse(&user.email.0).ok().map(|to| MailRequest {
            to,
            purpose: MailPurpose::EmailChanged,
            by: Some((user.id, user.session_epoch)),
            now: event.at,
        });
        let redemption = Redemption::EmailChange(notice);
        self.redeem(call, proof, redemption, event).await?;
        self.outbox.asked.notify_one();
        tracing::info!(user_id = %user.id, "address changed");
        Ok(())
    }

    async fn owner(&self, call: &CallContext, proof: TokenProof) -> Result<User, AuthError> {
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

fn proof<K: TokenKind<Id = OneTimeTokenId>>(
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
