//! One-time tokens as the mail would bring them.

use std::time::Duration;

use sea_orm::{ConnectionTrait, Statement};
use uuid::Uuid;
use vestibule::{
    db::NewOneTimeToken,
    domain::{
        Clock, Email, EmailChangeKind, EmailRestoreKind, EmailVerificationKind, OneTimeTokenId,
        PasswordResetKind, SessionId, Timestamp, Token, TokenKind, TokenPurpose,
    },
};

use super::Server;

/// How long tokens live here, as those that set a password do by default.
pub(crate) const TOKEN_LIFETIME: Duration = Duration::from_mins(10);

/// A one-time token to issue.
pub(crate) struct Issue {
    pub(crate) purpose: TokenPurpose,
    /// The address that a change of address leads to.
    pub(crate) new_email: Option<String>,
    pub(crate) mailed: bool,
    /// The session that asked, where one did.
    pub(crate) session: Option<SessionId>,
    pub(crate) at: Timestamp,
}

impl Issue {
    /// One that is mailed now.
    pub(crate) fn of(purpose: TokenPurpose) -> Self {
        Self {
            purpose,
            new_email: match purpose {
                TokenPurpose::EmailChange | TokenPurpose::EmailRestore => Some(super::email()),
                TokenPurpose::PasswordReset | TokenPurpose::EmailVerification => None,
            },
            mailed: true,
            session: None,
            at: Clock::system().now(),
        }
    }

    /// One that changes the address to another.
    pub(crate) fn to(new_email: &str) -> Self {
        Self {
            new_email: Some(new_email.to_owned()),
            ..Self::of(TokenPurpose::EmailChange)
        }
    }
}

impl Server {
    /// Issues a token to a user; its text is what the mail would say.
    pub(crate) async fn issue(&self, email: &str, issue: Issue) -> String {
        let id = OneTimeTokenId::new(Uuid::new_v4());
        let secret = [Uuid::new_v4(), Uuid::new_v4()].map(Uuid::into_bytes);
        let secret: [u8; 32] = secret.concat().try_into().unwrap();
        let (text, secret_hash) = match issue.purpose {
            TokenPurpose::PasswordReset => spelt(&Token::<PasswordResetKind>::new(id, secret)),
            TokenPurpose::EmailVerification => {
                spelt(&Token::<EmailVerificationKind>::new(id, secret))
            }
            TokenPurpose::EmailChange => spelt(&Token::<EmailChangeKind>::new(id, secret)),
            TokenPurpose::EmailRestore => spelt(&Token::<EmailRestoreKind>::new(id, secret)),
        };
        let user = self.stored(email).await;
        let token = NewOneTimeToken {
            id,
            secret_hash,
            purpose: issue.purpose,
            user_id: user.id,
            session: issue.session,
            new_email: issue.new_email.map(|new| Email::parse(&new).unwrap()),
            mailed: issue.mailed,
            created_at: issue.at,
            expires_at: issue.at + TOKEN_LIFETIME,
        };
        self.store_token(&token, user.email.0.to_lowercase()).await;
        text
    }

    /// Stores a token beside those that the user has.
    pub(crate) async fn store_token(&self, token: &NewOneTimeToken, email_key: String) {
        let sql = self.sql().await;
        let purpose: i16 = match token.purpose {
            TokenPurpose::PasswordReset => 1,
            TokenPurpose::EmailVerification => 2,
            TokenPurpose::EmailChange => 3,
            TokenPurpose::EmailRestore => 4,
        };
        let new = token.new_email.as_ref();
        let insert = Statement::from_sql_and_values(
            sql.get_database_backend(),
            "INSERT INTO one_time_tokens (id, user_id, purpose, email_key, new_email, \
             new_email_key, mailed, secret_hash, created_at, expires_at, session_id) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            [
                token.id.uuid().into(),
                token.user_id.uuid().into(),
                purpose.into(),
                email_key.into(),
                new.map(|new| new.as_given().to_owned()).into(),
                new.map(|new| new.key().as_str().to_owned()).into(),
                token.mailed.into(),
                token.secret_hash.as_bytes().to_vec().into(),
                token.created_at.timestamp_micros().into(),
                token.expires_at.timestamp_micros().into(),
                token.session.map(SessionId::uuid).into(),
            ],
        );
        sql.execute_raw(insert).await.unwrap();
    }

    /// A mailed token that sets a new password.
    pub(crate) async fn reset_token(&self, email: &str) -> String {
        self.issue(email, Issue::of(TokenPurpose::PasswordReset))
            .await
    }
}

fn spelt<K: TokenKind>(token: &Token<K>) -> (String, vestibule::domain::SecretHash) {
    (token.expose().to_string(), token.secret_hash())
}
