//! One-time tokens are made here: by the worker that mails them, and for a caller that sends its own
//! mail.

use tokio::time::Instant;
use zeroize::Zeroizing;

use super::{Auth, AuthError, entropy::random};
use crate::{
    db::NewOneTimeToken,
    domain::{
        Email, Event, OfEmailChange, OfReset, OfVerification, OneTimeTokenId, SecretHash,
        Timestamp, Token, TokenKind, TokenPurpose, User, uuid_v7,
    },
};

/// How a token gets to its user: what its redemption proves follows from it.
#[derive(Debug, Clone)]
pub enum TokenDelivery {
    /// By mail to the user's address, which that proves.
    Mailed,
    /// By mail to the address that it changes to.
    MailedToNew(Email),
    /// By the caller, of whom nobody knows what they do with it: the event tells who asked.
    Returned(Event),
}

impl Auth {
    /// Makes a token whose life begins now, stores its hash and tells when it ends. `None`: its user
    /// has changed since they were read, in a way that ends all tokens.
    ///
    /// # Errors
    /// The database is away or the deadline passed.
    pub async fn issue_one_time_token(
        &self,
        user: &User,
        purpose: TokenPurpose,
        delivery: TokenDelivery,
        deadline: Instant,
    ) -> Result<Option<(Zeroizing<String>, Timestamp)>, AuthError> {
        let created_at = self.clock.now();
        let id = OneTimeTokenId::new(uuid_v7(created_at, random()?));
        let (text, secret_hash) = match purpose {
            TokenPurpose::PasswordReset => spelled(&Token::<OfReset>::new(id, random()?)),
            TokenPurpose::EmailVerification => {
                spelled(&Token::<OfVerification>::new(id, random()?))
            }
            TokenPurpose::EmailChange => spelled(&Token::<OfEmailChange>::new(id, random()?)),
        };
        let (mailed, new_email, event) = match delivery {
            TokenDelivery::Mailed => (true, None, None),
            TokenDelivery::MailedToNew(new) => (true, Some(new), None),
            TokenDelivery::Returned(event) => (false, None, Some(event)),
        };
        let expires_at = created_at + self.settings.mail.lifetime(purpose);
        let token = NewOneTimeToken {
            id,
            secret_hash,
            purpose,
            user_id: user.id,
            epoch: user.session_epoch,
            new_email,
            mailed,
            created_at,
            expires_at,
        };
        let issued = self.db.add_one_time_token(token, event, deadline).await?;
        Ok(issued.then_some((text, expires_at)))
    }
}

fn spelled<K: TokenKind>(token: &Token<K>) -> (Zeroizing<String>, SecretHash) {
    (token.expose(), token.secret_hash())
}
