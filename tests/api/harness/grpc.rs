//! The gRPC clients, with the calls that many tests make in one line each.

use std::ops::{Deref, DerefMut};

use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus,
    health_client::HealthClient,
};
use vestibule::proto::v1::{
    BatchValidateSessionsRequest, CreateSessionRequest, CreateSessionResponse, RegisterUserRequest,
    RevokeSessionRequest, RotateSessionRequest, RotateSessionResponse, SessionStatus, User,
    ValidLoginRequest, ValidLoginResponse, ValidateSessionRequest, ValidateSessionResponse,
    auth_service_client::AuthServiceClient,
};

use super::{PASSWORD, email};

/// `SERVING` on the wire.
pub(crate) const SERVING: i32 = ServingStatus::Serving as i32;
/// `NOT_SERVING` on the wire.
pub(crate) const NOT_SERVING: i32 = ServingStatus::NotServing as i32;
/// `SERVICE_UNKNOWN` on the wire.
pub(crate) const SERVICE_UNKNOWN: i32 = ServingStatus::ServiceUnknown as i32;

/// `AuthService` as generated, and shorthands over it.
#[derive(Clone)]
pub(crate) struct Client(AuthServiceClient<Channel>);

impl Client {
    pub(crate) fn over(channel: Channel) -> Self {
        Self(AuthServiceClient::new(channel))
    }

    /// Registers a user with a fresh address and [`PASSWORD`].
    pub(crate) async fn registered(&self) -> User {
        self.register(&email(), PASSWORD).await.unwrap()
    }

    /// Registers a user without a `request_id`.
    pub(crate) async fn register(&self, email: &str, password: &str) -> Result<User, Status> {
        self.register_as(email, password, "").await
    }

    /// Registers a user with a `request_id`.
    pub(crate) async fn register_as(
        &self,
        email: &str,
        password: &str,
        request_id: &str,
    ) -> Result<User, Status> {
        let request = RegisterUserRequest {
            email: email.into(),
            password: password.into(),
            request_id: request_id.into(),
            client: None,
        };
        let response = self.0.clone().register_user(request).await?;
        Ok(response.into_inner().user.expect("a user"))
    }

    /// Checks a password.
    pub(crate) async fn login(
        &self,
        email: &str,
        password: &str,
    ) -> Result<ValidLoginResponse, Status> {
        let request = ValidLoginRequest {
            email: email.into(),
            password: password.into(),
            client: None,
        };
        Ok(self.0.clone().valid_login(request).await?.into_inner())
    }

    /// Whether a password is right; the call itself must succeed.
    pub(crate) async fn is_valid(&self, email: &str, password: &str) -> bool {
        self.login(email, password).await.unwrap().valid
    }

    /// Opens a session.
    pub(crate) async fn open(
        &self,
        email: &str,
        password: &str,
    ) -> Result<CreateSessionResponse, Status> {
        let request = CreateSessionRequest {
            email: email.into(),
            password: password.into(),
            client: None,
        };
        Ok(self.0.clone().create_session(request).await?.into_inner())
    }

    /// Asks about a token.
    pub(crate) async fn validate(&self, token: &str) -> Result<ValidateSessionResponse, Status> {
        let request = ValidateSessionRequest {
            session_token: token.into(),
        };
        Ok(self.0.clone().validate_session(request).await?.into_inner())
    }

    /// The verdict on a token. Whatever is not ACTIVE must come without any identity.
    pub(crate) async fn verdict(&self, token: &str) -> SessionStatus {
        let answer = self.validate(token).await.unwrap();
        let active = answer.status() == SessionStatus::Active;
        assert_eq!(answer.session.is_some(), active);
        assert_eq!(answer.user.is_some(), active);
        answer.status()
    }

    /// Asks about many tokens.
    pub(crate) async fn validate_all(
        &self,
        tokens: &[String],
    ) -> Result<Vec<ValidateSessionResponse>, Status> {
        let request = BatchValidateSessionsRequest {
            session_tokens: tokens.to_vec(),
        };
        let answer = self.0.clone().batch_validate_sessions(request).await?;
        Ok(answer.into_inner().verdicts)
    }

    /// Gives a session a new token.
    pub(crate) async fn rotate(&self, token: &str) -> Result<RotateSessionResponse, Status> {
        let request = RotateSessionRequest {
            session_token: token.into(),
        };
        Ok(self.0.clone().rotate_session(request).await?.into_inner())
    }

    /// The new token alone.
    pub(crate) async fn rotated(&self, token: &str) -> String {
        self.rotate(token).await.unwrap().session_token
    }

    /// Ends a session.
    pub(crate) async fn revoke(&self, token: &str) -> Result<(), Status> {
        let request = RevokeSessionRequest {
            session_token: token.into(),
        };
        self.0.clone().revoke_session(request).await.map(|_| ())
    }
}

impl Deref for Client {
    type Target = AuthServiceClient<Channel>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Client {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

/// `grpc.health.v1.Health`.
#[derive(Clone)]
pub(crate) struct Health(HealthClient<Channel>);

impl Health {
    pub(crate) fn over(channel: Channel) -> Self {
        Self(HealthClient::new(channel))
    }

    /// Asks once.
    pub(crate) async fn check(&self, service: &str) -> Result<i32, Code> {
        let answer = self.0.clone().check(request(service)).await;
        answer
            .map(|answer| answer.into_inner().status)
            .map_err(|status| status.code())
    }

    /// Follows a service.
    pub(crate) async fn watch(&self, service: &str) -> Streaming<HealthCheckResponse> {
        let stream = self.0.clone().watch(request(service)).await.unwrap();
        stream.into_inner()
    }

    /// Waits until a service is served.
    pub(crate) async fn await_serving(&self, service: &str) {
        self.await_status(service, SERVING).await;
    }

    /// Waits for a status.
    pub(crate) async fn await_status(&self, service: &str, status: i32) {
        let mut stream = self.watch(service).await;
        let told = async { while stream.message().await.unwrap().unwrap().status != status {} };
        super::within(std::time::Duration::from_secs(30), "the status", told).await;
    }
}

fn request(service: &str) -> HealthCheckRequest {
    HealthCheckRequest {
        service: service.into(),
    }
}
