//! The client of `UserService`, as a named caller.

use std::time::Duration;

use futures_util::Stream;
use tokio::time::Instant;
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::Channel,
};
use vestibule::{
    auth::Callers,
    domain::{CLIENT_ADDRESS, CallerName, CertificateIdentity, Clock},
    proto::v1::{
        ClearThrottleRequest, CreatePasswordResetRequest, CreatePasswordResetResponse,
        CreateSessionForUserRequest, CreateSessionForUserResponse, DeleteUserRequest,
        DisableUserRequest, EnableUserRequest, ExportUserDataRequest, ExportUserDataResponse,
        FindUserRequest, ImportUsersRequest, ImportUsersResponse, ListUserSessionsRequest,
        ListUserSessionsResponse, ListUsersRequest, ListUsersResponse, RevokeUserSessionsRequest,
        Session, UpdateUserRequest, User, create_password_reset_request,
        create_session_for_user_request, find_user_request::Key,
        revoke_user_sessions_request::Sessions, user_service_client::UserServiceClient,
    },
    transport::grantable,
};

use super::{Server, methods_of};

/// `UserService`, a call a line.
#[derive(Clone)]
pub(crate) struct Users(UserServiceClient<InterceptedService<Channel, Bearer>>);

/// Shows a caller's key with every call.
#[derive(Clone)]
pub(crate) struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let metadata = request.metadata_mut();
        metadata.insert("authorization", self.0.clone());
        Ok(request)
    }
}

impl Server {
    /// A caller that was granted some methods; its key.
    pub(crate) async fn caller(&self, name: &str, methods: &[impl AsRef<str>]) -> String {
        self.caller_with(name, methods, &[]).await
    }

    /// The same with identities of certificates.
    pub(crate) async fn caller_with(
        &self,
        name: &str,
        methods: &[impl AsRef<str>],
        identities: &[&str],
    ) -> String {
        let grants = methods.iter().map(|grant| match grant.as_ref() {
            CLIENT_ADDRESS => CLIENT_ADDRESS.to_owned(),
            method => grantable(method).unwrap().to_owned(),
        });
        let identities = identities
            .iter()
            .map(|text| CertificateIdentity::parse(text).unwrap());
        let callers = Callers::new(self.db.clone(), Clock::system());
        let name = CallerName::parse(name).unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        let added = callers.add(name, grants.collect(), identities.collect(), deadline);
        added.await.unwrap().expose().to_string()
    }

    /// The client of a caller named `desk`, which may call every method of it; once per application.
    pub(crate) async fn users(&self) -> Users {
        let key = self.caller("desk", &methods_of(&["UserService"])).await;
        self.users_as(&key)
    }

    /// The client of the caller of a key.
    pub(crate) fn users_as(&self, key: &str) -> Users {
        let bearer = Bearer(format!("Bearer {key}").parse().unwrap());
        Users(UserServiceClient::with_interceptor(self.channel(), bearer))
    }
}

impl Users {
    pub(crate) async fn find_by(&self, key: Key) -> Result<User, Status> {
        self.find_with(FindUserRequest { key: Some(key) }).await
    }

    pub(crate) async fn find_with(&self, request: FindUserRequest) -> Result<User, Status> {
        let found = self.0.clone().find_user(request).await?;
        Ok(found.into_inner().user.expect("a user"))
    }

    pub(crate) async fn find(&self, id: &str) -> Result<User, Status> {
        self.find_by(Key::Id(id.into())).await
    }

    pub(crate) async fn list(&self, page: ListUsersRequest) -> Result<ListUsersResponse, Status> {
        Ok(self.0.clone().list_users(page).await?.into_inner())
    }

    pub(crate) async fn update(&self, edit: UpdateUserRequest) -> Result<User, Status> {
        let updated = self.0.clone().update_user(edit).await?;
        Ok(updated.into_inner().user.expect("a user"))
    }

    pub(crate) async fn disable(&self, id: &str) -> Result<User, Status> {
        let user_id = id.into();
        let request = DisableUserRequest { user_id };
        let disabled = self.0.clone().disable_user(request).await?;
        Ok(disabled.into_inner().user.expect("a user"))
    }

    pub(crate) async fn clear_throttle(&self, id: &str) -> Result<(), Status> {
        let request = ClearThrottleRequest { user_id: id.into() };
        self.0.clone().clear_throttle(request).await.map(|_| ())
    }

    pub(crate) async fn enable(&self, id: &str) -> Result<User, Status> {
        let user_id = id.into();
        let request = EnableUserRequest { user_id };
        let enabled = self.0.clone().enable_user(request).await?;
        Ok(enabled.into_inner().user.expect("a user"))
    }

    pub(crate) async fn delete(&self, id: &str) -> Result<(), Status> {
        let user_id = id.into();
        let request = DeleteUserRequest { user_id };
        self.0.clone().delete_user(request).await.map(|_| ())
    }

    pub(crate) async fn open(
        &self,
        request: CreateSessionForUserRequest,
    ) -> Result<CreateSessionForUserResponse, Status> {
        let opened = self.0.clone().create_session_for_user(request).await?;
        Ok(opened.into_inner())
    }

    pub(crate) async fn open_for(&self, id: &str) -> Result<CreateSessionForUserResponse, Status> {
        let user = Some(create_session_for_user_request::User::UserId(id.into()));
        let client = None;
        let request = CreateSessionForUserRequest {
            user,
            client,
            ..CreateSessionForUserRequest::default()
        };
        self.open(request).await
    }

    pub(crate) async fn reset(
        &self,
        user: create_password_reset_request::User,
    ) -> Result<CreatePasswordResetResponse, Status> {
        let request = CreatePasswordResetRequest { user: Some(user) };
        let made = self.0.clone().create_password_reset(request).await?;
        Ok(made.into_inner())
    }

    pub(crate) async fn reset_for(&self, id: &str) -> Result<CreatePasswordResetResponse, Status> {
        let user = create_password_reset_request::User::UserId(id.into());
        self.reset(user).await
    }

    pub(crate) async fn sessions_page(
        &self,
        page: ListUserSessionsRequest,
    ) -> Result<ListUserSessionsResponse, Status> {
        Ok(self.0.clone().list_user_sessions(page).await?.into_inner())
    }

    pub(crate) async fn sessions(&self, id: &str) -> Result<Vec<Session>, Status> {
        let page = ListUserSessionsRequest {
            user_id: id.into(),
            page_size: 1_000,
            page_token: String::new(),
        };
        Ok(self.sessions_page(page).await?.sessions)
    }

    pub(crate) async fn revoke(&self, id: &str, sessions: Sessions) -> Result<(), Status> {
        let request = RevokeUserSessionsRequest {
            user_id: id.into(),
            sessions: Some(sessions),
        };
        self.0
            .clone()
            .revoke_user_sessions(request)
            .await
            .map(|_| ())
    }

    pub(crate) async fn export_page(
        &self,
        page: ExportUserDataRequest,
    ) -> Result<ExportUserDataResponse, Status> {
        Ok(self.0.clone().export_user_data(page).await?.into_inner())
    }

    pub(crate) async fn export(&self, id: &str) -> Result<ExportUserDataResponse, Status> {
        let page = ExportUserDataRequest {
            user_id: id.into(),
            page_size: 1_000,
            page_token: String::new(),
        };
        self.export_page(page).await
    }

    pub(crate) async fn import(
        &self,
        messages: Vec<ImportUsersRequest>,
    ) -> Result<ImportUsersResponse, Status> {
        self.import_stream(tokio_stream::iter(messages)).await
    }

    pub(crate) async fn import_stream(
        &self,
        messages: impl Stream<Item = ImportUsersRequest> + Send + 'static,
    ) -> Result<ImportUsersResponse, Status> {
        let imported = self.0.clone().import_users(messages).await?;
        Ok(imported.into_inner())
    }
}
