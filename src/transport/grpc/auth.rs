//! `AuthService`: each handler converts, calls `auth` and converts back.

use tonic::{Request, Response, Status};

use super::open;
use crate::{
    auth::Auth,
    proto::v1::{
        BatchValidateSessionsRequest, BatchValidateSessionsResponse, CreateSessionRequest,
        CreateSessionResponse, RegisterUserRequest, RegisterUserResponse, RevokeSessionRequest,
        RevokeSessionResponse, RotateSessionRequest, RotateSessionResponse, ValidLoginRequest,
        ValidLoginResponse, ValidateSessionRequest, ValidateSessionResponse,
        auth_service_server::{AuthService, AuthServiceServer},
    },
    transport::input::{self, RawRegistration},
};

/// The largest message that any service decodes, in bytes.
pub const MESSAGE_MAX: usize = 64 * 1024;

/// The handlers of `AuthService`.
#[derive(Clone)]
pub struct AuthHandlers {
    auth: Auth,
}

/// `AuthService` over the use cases. Messages are limited to 64 KiB, and no compression is accepted:
/// a small message could hide a large one.
pub fn auth_service(auth: Auth) -> AuthServiceServer<AuthHandlers> {
    AuthServiceServer::new(AuthHandlers { auth }).max_decoding_message_size(MESSAGE_MAX)
}

#[tonic::async_trait]
impl AuthService for AuthHandlers {
    async fn register_user(
        &self,
        request: Request<RegisterUserRequest>,
    ) -> Result<Response<RegisterUserResponse>, Status> {
        let (call, message) = open(request)?;
        let raw = RawRegistration::from(&*message);
        let registration = input::registration(&call, &raw, self.auth.password_rules())?;
        let user = self.auth.register_user(&call, registration).await?;
        Ok(Response::new(user.into()))
    }

    async fn valid_login(
        &self,
        request: Request<ValidLoginRequest>,
    ) -> Result<Response<ValidLoginResponse>, Status> {
        let (call, message) = open(request)?;
        let client = message.client.as_ref();
        let credentials = input::credentials(&call, &message.email, &message.password, client)?;
        let verdict = self.auth.valid_login(&call, credentials).await?;
        Ok(Response::new(verdict.into()))
    }

    async fn create_session(
        &self,
        request: Request<CreateSessionRequest>,
    ) -> Result<Response<CreateSessionResponse>, Status> {
        let (call, message) = open(request)?;
        let client = message.client.as_ref();
        let credentials = input::credentials(&call, &message.email, &message.password, client)?;
        let session = self.auth.create_session(&call, credentials).await?;
        Ok(Response::new(session.into()))
    }

    async fn validate_session(
        &self,
        request: Request<ValidateSessionRequest>,
    ) -> Result<Response<ValidateSessionResponse>, Status> {
        let (call, message) = open(request)?;
        let token = input::session_token(&message.session_token)?;
        let verdict = self.auth.validate_session(&call, &token).await?;
        Ok(Response::new(verdict.into()))
    }

    async fn batch_validate_sessions(
        &self,
        request: Request<BatchValidateSessionsRequest>,
    ) -> Result<Response<BatchValidateSessionsResponse>, Status> {
        let (call, message) = open(request)?;
        let tokens = input::session_tokens(&message.session_tokens)?;
        let verdicts = self.auth.validate_sessions(&call, &tokens).await?;
        Ok(Response::new(verdicts.into()))
    }

    async fn rotate_session(
        &self,
        request: Request<RotateSessionRequest>,
    ) -> Result<Response<RotateSessionResponse>, Status> {
        let (call, message) = open(request)?;
        let token = input::session_token(&message.session_token)?;
        let rotated = self.auth.rotate_session(&call, &token).await?;
        Ok(Response::new(rotated.into()))
    }

    async fn revoke_session(
        &self,
        request: Request<RevokeSessionRequest>,
    ) -> Result<Response<RevokeSessionResponse>, Status> {
        let (call, message) = open(request)?;
        let token = input::session_token(&message.session_token)?;
        self.auth.revoke_session(&call, &token).await?;
        Ok(Response::new(RevokeSessionResponse {}))
    }
}
