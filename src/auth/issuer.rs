//! Issues what proves a user from now on: sessions and one-time tokens. Users get them by a login
//! or by mail, named callers on behalf of a user.
//!
//! Both belong to the user as read before: the database refuses them when the user was changed
//! since in a way that ends all sessions or tokens.

use tokio::time::Instant;
use zeroize::Zeroizing;

use super::{AuthError, CallContext, MailSettings, entropy::random_bytes};
use crate::{
    db::{Db, MailIntent, NewOneTimeToken},
    domain::{
        AuthenticationMethod, ClientInfo, Clock, Email, EmailChangeKind, EmailRestoreKind,
        EmailVerificationKind, Event, EventKind, OneTimeTokenId, PasswordResetKind, SecretHash,
        Session, SessionId, SessionLimits, SessionToken, Timestamp, Token, TokenKind, TokenPurpose,
        User, uuid_v7,
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

/// A one-time token that is not stored yet.
pub(super) struct MadeToken {
    pub(super) text: Zeroizing<String>,
    pub(super) row: NewOneTimeToken,
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

    /// Makes a one-time token whose lifetime begins now. The user gets `new_email` by its redemption,
    /// where the token changes the address.
    pub(super) fn make_token(
        &self,
        user: &User,
        purpose: TokenPurpose,
        new_email: Option<Email>,
    ) -> Result<MadeToken, AuthError> {
        let created_at = self.clock.now();
        let id = OneTimeTokenId::new(uuid_v7(created_at, random_bytes()?));
        let secret = random_bytes()?;
        let (text, secret_hash) = match purpose {
            TokenPurpose::PasswordReset => {
                text_and_hash(&Token::<PasswordResetKind>::new(id, secret))
            }
            TokenPurpose::EmailVerification => {
                text_and_hash(&Token::<EmailVerificationKind>::new(id, secret))
            }
            TokenPurpose::EmailChange => text_and_hash(&Token::<EmailChangeKind>::new(id, secret)),
            TokenPurpose::EmailRestore => {
                text_and_hash(&Token::<EmailRestoreKind>::new(id, secret))
            }
        };
        let row = NewOneTimeToken {
            id,
            secret_hash,
            purpose,
            user_id: user.id,
            session: None,
            new_email,
            mailed: true,
            created_at,
            expires_at: created_at + self.mail.lifetime(purpose.into()),
        };
        Ok(MadeToken { text, row })
    }

    /// Makes the token of a claimed mail and stores its hash. `None`: the user was disabled, or a change
    /// of the user ended the request.
    pub(super) async fn issue_mailed(
        &self,
        made: MadeToken,
        intent: &MailIntent,
        deadline: Instant,
    ) -> Result<Option<Zeroizing<String>>, AuthError> {
        let MadeToken { text, mut row } = made;
        row.session = intent.by.as_ref().and_then(|by| by.session);
        if row.purpose == TokenPurpose::EmailRestore {
            // Ways back are ordered by when their addresses were replaced, not by when mail arrived.
            row.created_at = intent.requested_at;
        }
        let issued = self.db.add_mailed_token(row, intent.clone(), deadline);
        Ok(issued.await?.then_some(text))
    }

    /// Makes a password reset that a caller brings to the user in a way not known here, so that its
    /// redemption proves no address. `None`: the user was disabled.
    pub(super) async fn issue_returned(
        &self,
        user: &User,
        event: Event,
        deadline: Instant,
    ) -> Result<Option<NewToken>, AuthError> {
        let MadeToken { text, mut row } =
            self.make_token(user, TokenPurpose::PasswordReset, None)?;
        row.mailed = false;
        let expires_at = row.expires_at;
        let issued = self.db.add_one_time_token(row, event, deadline).await?;
        Ok(issued.then_some(NewToken { text, expires_at }))
    }
}

fn text_and_hash<K: TokenKind>(token: &Token<K>) -> (Zeroizing<String>, SecretHash) {
    (token.expose(), token.secret_hash())
}
