//! The client of `AccountService`, and one-time tokens as the mail would bring them.

use std::time::Duration;

use sea_orm::{ConnectionTrait, Statement};
use tonic::{IntoRequest, Status, transport::Channel};
use uuid::Uuid;
use vestibule::{
    db::NewOneTimeToken,
    domain::{
        Clock, Email, EmailChangeKind, EmailRestoreKind, EmailVerificationKind, OneTimeTokenId,
        PasswordResetKind, Timestamp, Token, TokenKind, TokenPurpose,
    },
    proto::v1::{
        CancelEmailChangeRequest, ChangePasswordRequest, CloseAccountRequest,
        ConfirmEmailChangeRequest, GetAccountRequest, ListSessionsRequest, ListSessionsResponse,
        ReauthenticateRequest, RequestEmailChangeRequest, RequestEmailVerificationRequest,
        RequestPasswordResetRequest, ResetPasswordRequest, RestoreEmailRequest,
        RevokeOtherSessionsRequest, RevokeSessionByIdRequest, Session, User, VerifyEmailRequest,
        account_service_client::AccountServiceClient, verify_email_request::Proof,
    },
};

use super::{PASSWORD, Server};

/// How long tokens live here, as those that set a password do by default.
pub(crate) const TOKEN_LIFETIME: Duration = Duration::from_mins(10);

/// `AccountService`, a call a line.
#[derive(Clone)]
pub(crate) struct Account(AccountServiceClient<Channel>);

/// A user with a session.
pub(crate) struct TestUser {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) token: String,
}

/// A one-time token to issue.
pub(crate) struct Issue {
    pub(crate) purpose: TokenPurpose,
    /// The address that a change of address leads to.
    pub(crate) new_email: Option<String>,
    pub(crate) mailed: bool,
    pub(crate) at: Timestamp,
}

impl Issue {
    /// One that is mailed now.
    pub(crate) fn of(purpose: TokenPurpose) -> Self {
        Self {
            purpose,
            new_email: (purpose == TokenPurpose::EmailChange).then(super::email),
            mailed: true,
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
    /// The client of `AccountService`.
    pub(crate) fn account(&self) -> Account {
        Account(AccountServiceClient::new(self.channel()))
    }

    /// A user with [`PASSWORD`] and a session.
    pub(crate) async fn owner(&self) -> TestUser {
        let user = self.grpc().registered().await;
        let token = self.session_of(&user.email).await;
        TestUser {
            id: user.id,
            email: user.email,
            token,
        }
    }

    /// Another session of a user with [`PASSWORD`].
    pub(crate) async fn session_of(&self, email: &str) -> String {
        let opened = self.grpc().open(email, PASSWORD).await;
        opened.unwrap().session_token
    }

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
            session: None,
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
             new_email_key, mailed, secret_hash, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
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

impl Account {
    pub(crate) async fn get(&self, token: &str) -> Result<User, Status> {
        let request = GetAccountRequest {
            session_token: token.into(),
        };
        let answer = self.0.clone().get_account(request).await?;
        Ok(answer.into_inner().user.expect("a user"))
    }

    /// A page of the user's sessions.
    pub(crate) async fn list(
        &self,
        token: &str,
        (page_size, page_token): (i32, &str),
    ) -> Result<ListSessionsResponse, Status> {
        let request = ListSessionsRequest {
            session_token: token.into(),
            page_size,
            page_token: page_token.into(),
        };
        Ok(self.0.clone().list_sessions(request).await?.into_inner())
    }

    pub(crate) async fn revoke_by_id(&self, token: &str, id: &str) -> Result<(), Status> {
        let request = RevokeSessionByIdRequest {
            session_token: token.into(),
            session_id: id.into(),
        };
        let ended = self.0.clone().revoke_session_by_id(request).await;
        ended.map(|_| ())
    }

    pub(crate) async fn revoke_others(&self, token: &str) -> Result<(), Status> {
        let request = RevokeOtherSessionsRequest {
            session_token: token.into(),
        };
        let ended = self.0.clone().revoke_other_sessions(request).await;
        ended.map(|_| ())
    }

    pub(crate) async fn change_password(
        &self,
        token: &str,
        current: &str,
        new: &str,
    ) -> Result<(), Status> {
        let request = ChangePasswordRequest {
            session_token: token.into(),
            current_password: current.into(),
            new_password: new.into(),
            client: None,
        };
        self.0.clone().change_password(request).await.map(|_| ())
    }

    pub(crate) async fn request_password_reset(&self, email: &str) -> Result<(), Status> {
        let request = RequestPasswordResetRequest {
            email: email.into(),
            client: None,
        };
        self.ask_for_reset(request).await
    }

    /// With metadata of any kind.
    pub(crate) async fn ask_for_reset(
        &self,
        request: impl IntoRequest<RequestPasswordResetRequest>,
    ) -> Result<(), Status> {
        let asked = self.0.clone().request_password_reset(request).await;
        asked.map(|_| ())
    }

    pub(crate) async fn reset_password(&self, token: &str, new: &str) -> Result<(), Status> {
        let request = ResetPasswordRequest {
            reset_token: token.into(),
            new_password: new.into(),
            client: None,
        };
        self.0.clone().reset_password(request).await.map(|_| ())
    }

    pub(crate) async fn request_email_verification(&self, email: &str) -> Result<(), Status> {
        let request = RequestEmailVerificationRequest {
            email: email.into(),
            client: None,
        };
        let asked = self.0.clone().request_email_verification(request).await;
        asked.map(|_| ())
    }

    /// With the password of every test user as the proof.
    pub(crate) async fn verify_email(&self, token: &str) -> Result<(), Status> {
        let password = Proof::Password(PASSWORD.to_owned());
        self.verify_email_with(token, Some(password)).await
    }

    pub(crate) async fn verify_email_with(
        &self,
        token: &str,
        proof: Option<Proof>,
    ) -> Result<(), Status> {
        let request = VerifyEmailRequest {
            verification_token: token.into(),
            proof,
            client: None,
        };
        self.0.clone().verify_email(request).await.map(|_| ())
    }

    pub(crate) async fn cancel_email_change(&self, token: &str) -> Result<(), Status> {
        let request = CancelEmailChangeRequest {
            session_token: token.into(),
        };
        let cancelled = self.0.clone().cancel_email_change(request).await;
        cancelled.map(|_| ())
    }

    pub(crate) async fn restore_email(&self, token: &str, new: &str) -> Result<(), Status> {
        let request = RestoreEmailRequest {
            email_restore_token: token.into(),
            new_password: new.into(),
            client: None,
        };
        self.0.clone().restore_email(request).await.map(|_| ())
    }

    pub(crate) async fn reauthenticate(
        &self,
        token: &str,
        password: &str,
    ) -> Result<Session, Status> {
        let request = ReauthenticateRequest {
            session_token: token.into(),
            password: password.into(),
            client: None,
        };
        let proven = self.0.clone().reauthenticate(request).await?;
        Ok(proven.into_inner().session.expect("a session"))
    }

    pub(crate) async fn request_email_change(
        &self,
        token: &str,
        current: &str,
        new: &str,
    ) -> Result<(), Status> {
        let request = RequestEmailChangeRequest {
            session_token: token.into(),
            current_password: current.into(),
            new_email: new.into(),
            client: None,
        };
        let asked = self.0.clone().request_email_change(request).await;
        asked.map(|_| ())
    }

    pub(crate) async fn confirm_email_change(&self, token: &str) -> Result<(), Status> {
        let request = ConfirmEmailChangeRequest {
            email_change_token: token.into(),
        };
        let changed = self.0.clone().confirm_email_change(request).await;
        changed.map(|_| ())
    }

    pub(crate) async fn close(&self, token: &str, current: &str) -> Result<(), Status> {
        let request = CloseAccountRequest {
            session_token: token.into(),
            current_password: current.into(),
        };
        self.0.clone().close_account(request).await.map(|_| ())
    }

    /// Redeems a token for what it is for; a reset sets this password.
    pub(crate) async fn redeem(
        &self,
        purpose: TokenPurpose,
        token: &str,
        new_password: &str,
    ) -> Result<(), Status> {
        match purpose {
            TokenPurpose::PasswordReset => self.reset_password(token, new_password).await,
            TokenPurpose::EmailVerification => self.verify_email(token).await,
            TokenPurpose::EmailChange => self.confirm_email_change(token).await,
            TokenPurpose::EmailRestore => self.restore_email(token, new_password).await,
        }
    }
}
