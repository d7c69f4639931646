//! Redeeming one-time tokens. A token is checked before the work that its redemption takes, and
//! again in the transaction of the change; every token that is not good gets the same answer.

use super::{
    Auth, AuthError, CallContext, VerificationProof,
    entropy::random_bytes,
    guessable::{parse_stored_address, refuse_address, refuse_guessable},
    throttle::Throttling,
};
use crate::{
    db::{AccountProof, Redeemed, Redemption, ThrottleKey, TokenOwner, TokenProof},
    domain::{
        ClientInfo, Email, EmailChangeKind, EmailRestoreKind, EmailVerificationKind, Event,
        EventKind, HashedPassword, NewPassword, OneTimeTokenId, PasswordAttempt, PasswordResetKind,
        Presented, PresentedToken, TokenKind, TokenPurpose, User,
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

/// A request to restore a former address, and to set a new password.
#[derive(Debug, Clone)]
pub struct EmailRestore {
    /// The token as presented.
    pub token: Presented<EmailRestoreKind>,
    /// The password to set.
    pub new: NewPassword,
    /// The end user's client.
    pub client: ClientInfo,
}

/// A request to verify an address.
#[derive(Debug, Clone)]
pub struct EmailVerification {
    /// The token as presented.
    pub token: Presented<EmailVerificationKind>,
    /// What proves that the reader of the mail knows the account.
    pub proof: Option<KnowsAccount>,
    /// The end user's client.
    pub client: ClientInfo,
}

/// What proves that somebody knows an account.
#[derive(Debug, Clone)]
pub enum KnowsAccount {
    /// A token of a live session of the account.
    Session(PresentedToken),
    /// The password.
    Password(PasswordAttempt),
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
        let user = self
            .find_token_owner(call, &reset.client, proof)
            .await?
            .user;
        refuse_guessable(&reset.new, self.settings.password, &user)?;
        let redemption =
            Redemption::PasswordReset(self.hash(call, reset.new, &reset.client).await?);
        let event = call.event(&self.clock, EventKind::PasswordReset, Some(user.id), None)?;
        let event = event.with_client(reset.client);
        let address = parse_stored_address(&user)?;
        let forgiven = self.throttle_key(address.key(), call.deadline).await?;
        self.redeem(call, proof, redemption, forgiven, event)
            .await?;
        self.outbox.due.notify_one();
        tracing::info!(user_id = %user.id, "password reset");
        Ok(())
    }

    /// Gives the user a former address again and a new password, and ends all sessions; none is
    /// opened. A password that is refused does not use up the token.
    ///
    /// # Errors
    /// The token is not good, or the password is the restored address.
    pub async fn restore_email(
        &self,
        call: &CallContext,
        restore: EmailRestore,
    ) -> Result<(), AuthError> {
        let proof = token_proof(&restore.token, TokenPurpose::EmailRestore)?;
        let owner = self.find_token_owner(call, &restore.client, proof).await?;
        let restored = owner.new_email.ok_or(AuthError::TokenInvalid)?;
        refuse_address(&restore.new, self.settings.password, &restored)?;
        let redemption =
            Redemption::EmailRestore(self.hash(call, restore.new, &restore.client).await?);
        let (kind, user_id) = (EventKind::EmailRestored, owner.user.id);
        let event = call.event(&self.clock, kind, Some(user_id), None)?;
        let event = event.with_client(restore.client);
        let forgiven = self.throttle_key(restored.key(), call.deadline).await?;
        self.redeem(call, proof, redemption, forgiven, event)
            .await?;
        self.outbox.due.notify_one();
        tracing::info!(%user_id, "former address restored");
        Ok(())
    }

    /// Records that mail to the user's address reaches the user. Without a proof of the account, or
    /// with a wrong one, the token stays good.
    ///
    /// # Errors
    /// The token is not good, or the proof is missing, wrong or of another account.
    pub async fn verify_email(
        &self,
        call: &CallContext,
        verification: EmailVerification,
    ) -> Result<(), AuthError> {
        let EmailVerification {
            token,
            proof,
            client,
        } = verification;
        let token = token_proof(&token, TokenPurpose::EmailVerification)?;
        let user = self.find_token_owner(call, &client, token).await?.user;
        let proof = match (proof, self.settings.mail.verification_proof) {
            (Some(proof), _) => Some(self.prove_account(call, &user, proof, &client).await?),
            (None, VerificationProof::None) => None,
            (None, VerificationProof::Required) => return Err(AuthError::ProofRequired),
        };
        let event = call.event(&self.clock, EventKind::EmailVerified, Some(user.id), None)?;
        let redemption = Redemption::EmailVerification(proof);
        self.redeem(call, token, redemption, None, event.with_client(client))
            .await?;
        tracing::info!(user_id = %user.id, "address verified");
        Ok(())
    }

    /// Replaces the user's address, ends all their sessions, and mails the former address: where that
    /// was verified, with a token that restores it.
    ///
    /// # Errors
    /// The token is not good, also when another user has taken the new address meanwhile.
    pub async fn confirm_email_change(
        &self,
        call: &CallContext,
        token: &Presented<EmailChangeKind>,
    ) -> Result<(), AuthError> {
        let proof = token_proof(token, TokenPurpose::EmailChange)?;
        let client = call.client(None, "");
        let user = self.find_token_owner(call, &client, proof).await?.user;
        let event = call.event(&self.clock, EventKind::EmailChanged, Some(user.id), None)?;
        let former = Email::parse(&user.email.0).ok();
        let restorable = former
            .filter(|_| user.email_verified_at.is_some() && self.outbox.mailer.delivers())
            .map(|former| {
                let purpose = TokenPurpose::EmailRestore;
                self.issuer.make_token(&user, purpose, Some(former))
            });
        let way_back = restorable.transpose()?.map(|made| made.row);
        let redemption = Redemption::EmailChange(way_back);
        self.redeem(call, proof, redemption, None, event).await?;
        self.outbox.due.notify_one();
        tracing::info!(user_id = %user.id, "address changed");
        Ok(())
    }

    async fn hash(
        &self,
        call: &CallContext,
        new: NewPassword,
        client: &ClientInfo,
    ) -> Result<HashedPassword, AuthError> {
        let (salt, flow) = (random_bytes()?, call.flow(client));
        let hashed = self.hasher.hash_password(new, salt, flow, call.deadline);
        Ok(hashed.await?)
    }

    /// Checks that a proof is one of this user.
    async fn prove_account(
        &self,
        call: &CallContext,
        user: &User,
        proof: KnowsAccount,
        client: &ClientInfo,
    ) -> Result<AccountProof, AuthError> {
        match proof {
            KnowsAccount::Session(token) => {
                let (session, owner) = self.live_session(call, &token).await?;
                if owner.id != user.id {
                    return Err(AuthError::SessionInvalid);
                }
                Ok(AccountProof::Session(session.id))
            }
            KnowsAccount::Password(password) => {
                let is_right =
                    self.is_password_of(call, user, password, client, Throttling::Refuses);
                let is_right = is_right.await?;
                let verified = user.hashed_password.clone().filter(|_| is_right);
                let verified = verified.ok_or(AuthError::CurrentPasswordWrong)?;
                Ok(AccountProof::Password(verified))
            }
        }
    }

    async fn find_token_owner(
        &self,
        call: &CallContext,
        client: &ClientInfo,
        proof: TokenProof,
    ) -> Result<TokenOwner, AuthError> {
        let now = self.clock.now();
        match self.db.find_token_owner(proof, now, call.deadline).await? {
            Some(owner) => Ok(owner),
            None => Err(self.refuse_token(call, client).await?),
        }
    }

    async fn redeem(
        &self,
        call: &CallContext,
        proof: TokenProof,
        redemption: Redemption,
        forgiven: Option<ThrottleKey>,
        event: Event,
    ) -> Result<(), AuthError> {
        let by_session = matches!(
            redemption,
            Redemption::EmailVerification(Some(AccountProof::Session(_)))
        );
        let redeemed = self
            .db
            .redeem_token(proof, redemption, forgiven, event, call.deadline);
        match redeemed.await? {
            Redeemed::Yes(_) => Ok(()),
            Redeemed::NotRedeemable => Err(AuthError::TokenInvalid),
            Redeemed::ProofLapsed if by_session => Err(AuthError::SessionInvalid),
            Redeemed::ProofLapsed => Err(AuthError::CurrentPasswordWrong),
        }
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
