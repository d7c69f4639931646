//! `AuthService`.

use tonic::{Request, Response, Status};

use crate::{
    auth::Auth,
    proto::v1::{
        CreateSessionRequest, CreateSessionResponse, RegisterUserRequest, RegisterUserResponse,
        RevokeSessionRequest, RevokeSessionResponse, ValidLoginRequest, ValidLoginResponse,
        ValidateSessionRequest, ValidateSessionResponse,
        auth_service_server::{AuthService, AuthServiceServer},
    },
};

/// The largest message that is decoded, in bytes.
const MESSAGE_MAX: usize = 64 * 1024;

/// The handlers of `AuthService`.
#[derive(Clone)]
pub struct AuthHandlers {
    auth: Auth,
}

/// `AuthService` over the use cases.
pub fn auth_service(auth: Auth) -> AuthServiceServer<AuthHandlers> {
    AuthServiceServer::new(AuthHandlers { auth }).max_decoding_message_size(MESSAGE_MAX)
}

#[tonic::async_trait]
impl AuthService for AuthHandlers {
    async fn register_user(
        &self,
        _: Request<RegisterUserRequest>,
    ) -> Result<Response<RegisterUserResponse>, Status> {
        Err(Status::unimplemented(""))
    }
    async fn valid_login(
        &self,
        _: Request<ValidLoginRequest>,
    ) -> Result<Response<ValidLoginResponse>, Status> {
        Err(Status::unimplemented(""))
    }
    async fn create_session(
        &self,
        _: Request<CreateSessionRequest>,
    ) -> Result<Response<CreateSessionResponse>, Status> {
        Err(Status::unimplemented(""))
    }
    async fn validate_session(
        &self,
        _: Request<ValidateSessionRequest>,
    ) -> Result<Response<ValidateSessionResponse>, Status> {
        Err(Status::unimplemented(""))
    }
    async fn revoke_session(
        &self,
        _: Request<RevokeSessionRequest>,
    ) -> Result<Response<RevokeSessionResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}
