//! Issues what proves a user from now on: sessions and one-time tokens. Users get them by a login
//! or by mail, named callers on behalf of a user.
//!
//! Both belong to the user as read before: the database refuses them when the user was changed
//! since in a way that ends all sessions or tokens.

use tokio::time::Instant;
use zeroize::Zeroizing;

use super::{AuthError, CallContext, MailSettings, entropy::random_bytes};
use crate::{
    db::{Db, NewOneTimeToken},
    domain::{
        AuthenticationMethod, ClientInfo, Clock, Email, EmailChangeKind, EmailVerificationKind,
        Event, EventKind, OneTimeTokenId, PasswordResetKind, SecretHash, Session, SessionId,
        SessionLimits, SessionToken, Timestamp, Token, TokenKind, TokenPurpose, User, uuid_v7,
    },
};

/// Issues sessions and one-time tokens. Clones share the database.
#[derive(Clone)]
pub struct Issuer {
    pub(super) db: Db,
    pub(super) clock: Clock,
    pub(super) session_limits: SessionLimits,
    pub(super) mail: MailSettings,
}

/// A session that was just opened, with the secret that proves it.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Stored nowhere: this is the only time that it can be read.
    pub token: SessionToken,
    /// The session, with the configured limits applied.
    pub session: Session,
    /// Its user, as read before the session was opened.
    pub user: User,
}

/// A one-time token that was just issued.
#[derive(Debug)]
pub struct NewToken {
    /// Stored nowhere: this is the only time that it can be read.
    pub text: Zeroizing<String>,
    /// From then on it redeems nothing.
    pub expires_at: Timestamp,
}

/// How a token reaches its user, which decides what its redemption proves.
#[derive(Debug, Clone)]
pub(super) enum TokenDelivery {
    /// By mail to the user's address: redemption proves that address.
    Mailed,
    /// By mail to the address that it changes to: redemption proves the new address.
    MailedToNew(Email),
    /// By the caller, in a way not known here: redemption proves no address. The event names the
    /// caller.
    Returned(Event),
}

impl Issuer {
    /// Opens a session for a user who proved who they are, by a method at an instant. Where the
    /// user has too many sessions, the oldest ends. `None`: since the user was read, they were
    /// disabled or their sessions were ended.
    pub(super) async fn open_session(
        &self,
        call: &CallContext,
        user: User,
        (method, authenticated_at): (AuthenticationMethod, Timestamp),
        client: ClientInfo,
    ) -> Result<Option<NewSession>, AuthError> {
        let created_at = self.clock.now();
        let token = SessionToken::new(
            SessionId::new(uuid_v7(created_at, random_bytes()?)),
            random_bytes()?,
        );
        let limits = self.session_limits;
        let expires_at = created_at + limits.lifetime;
        let session = Session {
            id: token.id(),
            user_id: user.id,
            secret_hash: token.secret_hash(),
            epoch: user.session_epoch,
            created_at,
            authenticated_at,
            method,
            last_seen_at: created_at,
            expires_at,
            idle_expires_at: expires_at,
            revoked_at: None,
            client: client.clone(),
        };
        let session = session.limited_to(limits);
        let kind = EventKind::SessionCreated;
        let event = call.event(&self.clock, kind, Some(user.id), Some(session.id))?;
        let event = event.with_client(client);
        let (stored, deadline) = (session.clone(), call.deadline);
        let added = self.db.add_session(stored, limits, event, deadline);
        if !added.await? {
            return Ok(None);
        }
        tracing::info!(
            user_id = %user.id,
            session_id = %session.id,
            claimed_ip = session.client.ip.map(display),
            claimed_user_agent = session.client.user_agent,
            "session created"
        );
        Ok(Some(NewSession {
            token,
            session,
            user,
        }))
    }

    /// Makes a one-time token whose lifetime begins now, and stores its hash. `None`: since the
    /// user was read, a change ended all their tokens.
    pub(super) async fn issue_token(
        &self,
        user: &User,
        purpose: TokenPurpose,
        delivery: TokenDelivery,
        deadline: Instant,
    ) -> Result<Option<NewToken>, AuthError> {
        let created_at = self.clock.now();
        let id = OneTimeTokenId::new(uuid_v7(created_at, random_bytes()?));
        let (text, secret_hash) = match purpose {
            TokenPurpose::PasswordReset => {
                text_and_hash(&Token::<PasswordResetKind>::new(id, random_bytes()?))
            }
            TokenPurpose::EmailVerification => {
                text_and_hash(&Token::<EmailVerificationKind>::new(id, random_bytes()?))
            }
            TokenPurpose::EmailChange => {
                text_and_hash(&Token::<EmailChangeKind>::new(id, random_bytes()?))
            }
        };
        let (mailed, new_email, event) = match delivery {
            TokenDelivery::Mailed => (true, None, None),
            TokenDelivery::MailedToNew(new) => (true, Some(new), None),
            TokenDelivery::Returned(event) => (false, None, Some(event)),
        };
        let expires_at = created_at + self.mail.lifetime(purpose.into());
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
        Ok(issued.then_some(NewToken { text, expires_at }))
    }
}

fn text_and_hash<K: TokenKind>(token: &Token<K>) -> (Zeroizing<String>, SecretHash) {
    (token.expose(), token.secret_hash())
}
