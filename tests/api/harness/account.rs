//! The client of `AccountService`.

use tonic::{IntoRequest, Status, transport::Channel};
use vestibule::{
    domain::TokenPurpose,
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

/// `AccountService`, a call a line.
#[derive(Clone)]
pub(crate) struct Account(AccountServiceClient<Channel>);

/// A user with a session.
pub(crate) struct TestUser {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) token: String,
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

    /// With a client.
    pub(crate) async fn reset(&self, request: ResetPasswordRequest) -> Result<(), Status> {
        self.0.clone().reset_password(request).await.map(|_| ())
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
        self.ask_for_verification(request).await
    }

    pub(crate) async fn ask_for_verification(
        &self,
        request: RequestEmailVerificationRequest,
    ) -> Result<(), Status> {
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
        self.ask_for_change(request).await
    }

    pub(crate) async fn ask_for_change(
        &self,
        request: RequestEmailChangeRequest,
    ) -> Result<(), Status> {
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
