//! `AccountService`: each handler converts, calls `auth` and converts back.

use tonic::{Request, Response, Status};

use super::{MESSAGE_MAX, open};
use crate::{
    auth::Auth,
    proto::v1::{
        CancelEmailChangeRequest, CancelEmailChangeResponse, ChangePasswordRequest,
        ChangePasswordResponse, CloseAccountRequest, CloseAccountResponse,
        ConfirmEmailChangeRequest, ConfirmEmailChangeResponse, GetAccountRequest,
        GetAccountResponse, ListSessionsRequest, ListSessionsResponse, ReauthenticateRequest,
        ReauthenticateResponse, RequestEmailChangeRequest, RequestEmailChangeResponse,
        RequestEmailVerificationRequest, RequestEmailVerificationResponse,
        RequestPasswordResetRequest, RequestPasswordResetResponse, ResetPasswordRequest,
        ResetPasswordResponse, RestoreEmailRequest, RestoreEmailResponse,
        RevokeOtherSessionsRequest, RevokeOtherSessionsResponse, RevokeSessionByIdRequest,
        RevokeSessionByIdResponse, VerifyEmailRequest, VerifyEmailResponse,
        account_service_server::{AccountService, AccountServiceServer},
    },
    transport::{failure::Failure, input, page::Page},
};

/// What page tokens are bound to.
const LIST_SESSIONS: &str = "vestibule.v1.AccountService/ListSessions";

/// The handlers of `AccountService`.
#[derive(Clone)]
pub struct AccountHandlers {
    auth: Auth,
}

/// `AccountService` over the use cases, with the limits of `AuthService`.
pub fn account_service(auth: Auth) -> AccountServiceServer<AccountHandlers> {
    AccountServiceServer::new(AccountHandlers { auth }).max_decoding_message_size(MESSAGE_MAX)
}

#[tonic::async_trait]
impl AccountService for AccountHandlers {
    async fn get_account(
        &self,
        request: Request<GetAccountRequest>,
    ) -> Result<Response<GetAccountResponse>, Status> {
        let (call, message) = open(request)?;
        let token = input::proof(&message.session_token);
        let user = self.auth.user_of_session(&call, &token).await?;
        Ok(Response::new(user.into()))
    }

    async fn list_sessions(
        &self,
        request: Request<ListSessionsRequest>,
    ) -> Result<Response<ListSessionsResponse>, Status> {
        let (call, message) = open(request)?;
        let token = input::proof(&message.session_token);
        let page = Page::parse(LIST_SESSIONS, b"", message.page_size, &message.page_token)
            .map_err(Failure::invalid_input)?;
        let listed = self
            .auth
            .list_sessions(&call, &token, page.after(), page.limit());
        let mut listed = listed.await?;
        let next_page_token = page.cut(&mut listed.sessions, |session| session.id);
        Ok(Response::new(ListSessionsResponse {
            sessions: listed.sessions.into_iter().map(Into::into).collect(),
            next_page_token,
            current_session_id: listed.current.to_string(),
        }))
    }

    async fn revoke_session_by_id(
        &self,
        request: Request<RevokeSessionByIdRequest>,
    ) -> Result<Response<RevokeSessionByIdResponse>, Status> {
        let (call, message) = open(request)?;
        let token = input::proof(&message.session_token);
        let id = input::session_id(&message.session_id)?;
        self.auth.revoke_session_by_id(&call, &token, id).await?;
        Ok(Response::new(RevokeSessionByIdResponse {}))
    }

    async fn revoke_other_sessions(
        &self,
        request: Request<RevokeOtherSessionsRequest>,
    ) -> Result<Response<RevokeOtherSessionsResponse>, Status> {
        let (call, message) = open(request)?;
        let token = input::proof(&message.session_token);
        self.auth.revoke_other_sessions(&call, &token).await?;
        Ok(Response::new(RevokeOtherSessionsResponse {}))
    }

    async fn reauthenticate(
        &self,
        request: Request<ReauthenticateRequest>,
    ) -> Result<Response<ReauthenticateResponse>, Status> {
        let (call, message) = open(request)?;
        let owner = input::reauthentication(&call, &message)?;
        let session = self.auth.reauthenticate(&call, owner).await?;
        Ok(Response::new(ReauthenticateResponse {
            session: Some(session.into()),
        }))
    }

    async fn change_password(
        &self,
        request: Request<ChangePasswordRequest>,
    ) -> Result<Response<ChangePasswordResponse>, Status> {
        let (call, message) = open(request)?;
        let change = input::password_change(&call, &message, self.auth.password_rules())?;
        self.auth.change_password(&call, change).await?;
        Ok(Response::new(ChangePasswordResponse {}))
    }

    async fn request_password_reset(
        &self,
        request: Request<RequestPasswordResetRequest>,
    ) -> Result<Response<RequestPasswordResetResponse>, Status> {
        let (call, message) = open(request)?;
        let (email, client) = input::addressee(&call, &message.email, message.client.as_ref())?;
        self.auth
            .request_password_reset(&call, email, client)
            .await?;
        Ok(Response::new(RequestPasswordResetResponse {}))
    }

    async fn reset_password(
        &self,
        request: Request<ResetPasswordRequest>,
    ) -> Result<Response<ResetPasswordResponse>, Status> {
        let (call, message) = open(request)?;
        let reset = input::password_reset(&call, &message, self.auth.password_rules())?;
        self.auth.reset_password(&call, reset).await?;
        Ok(Response::new(ResetPasswordResponse {}))
    }

    async fn request_email_verification(
        &self,
        request: Request<RequestEmailVerificationRequest>,
    ) -> Result<Response<RequestEmailVerificationResponse>, Status> {
        let (call, message) = open(request)?;
        let (email, client) = input::addressee(&call, &message.email, message.client.as_ref())?;
        self.auth
            .request_email_verification(&call, email, client)
            .await?;
        Ok(Response::new(RequestEmailVerificationResponse {}))
    }

    async fn verify_email(
        &self,
        request: Request<VerifyEmailRequest>,
    ) -> Result<Response<VerifyEmailResponse>, Status> {
        let (call, message) = open(request)?;
        let verification = input::email_verification(&call, &message)?;
        self.auth.verify_email(&call, verification).await?;
        Ok(Response::new(VerifyEmailResponse {}))
    }

    async fn request_email_change(
        &self,
        request: Request<RequestEmailChangeRequest>,
    ) -> Result<Response<RequestEmailChangeResponse>, Status> {
        let (call, message) = open(request)?;
        let (owner, new) = input::email_change(&call, &message)?;
        self.auth.request_email_change(&call, owner, new).await?;
        Ok(Response::new(RequestEmailChangeResponse {}))
    }

    async fn cancel_email_change(
        &self,
        request: Request<CancelEmailChangeRequest>,
    ) -> Result<Response<CancelEmailChangeResponse>, Status> {
        let (call, message) = open(request)?;
        let token = input::proof(&message.session_token);
        self.auth.cancel_email_change(&call, &token).await?;
        Ok(Response::new(CancelEmailChangeResponse {}))
    }

    async fn confirm_email_change(
        &self,
        request: Request<ConfirmEmailChangeRequest>,
    ) -> Result<Response<ConfirmEmailChangeResponse>, Status> {
        let (call, message) = open(request)?;
        let token = input::proof(&message.email_change_token);
        self.auth.confirm_email_change(&call, &token).await?;
        Ok(Response::new(ConfirmEmailChangeResponse {}))
    }

    async fn restore_email(
        &self,
        request: Request<RestoreEmailRequest>,
    ) -> Result<Response<RestoreEmailResponse>, Status> {
        let (call, message) = open(request)?;
        let restore = input::email_restore(&call, &message, self.auth.password_rules())?;
        self.auth.restore_email(&call, restore).await?;
        Ok(Response::new(RestoreEmailResponse {}))
    }

    async fn close_account(
        &self,
        request: Request<CloseAccountRequest>,
    ) -> Result<Response<CloseAccountResponse>, Status> {
        let (call, message) = open(request)?;
        let owner = input::owner(&call, &message.session_token, &message.current_password)?;
        self.auth.close_account(&call, owner).await?;
        Ok(Response::new(CloseAccountResponse {}))
    }
}
