//! `UserService`: each handler converts, calls `auth` and converts back.

use tonic::{Request, Response, Status, Streaming};

use super::{MESSAGE_MAX, import, open, open_stream};
use crate::{
    auth::{Auth, AuthError, ExportedItem},
    domain::{UserId, UserKey, UserStatus},
    proto::v1::{
        ClearThrottleRequest, ClearThrottleResponse, CreatePasswordResetRequest,
        CreatePasswordResetResponse, CreateSessionForUserRequest, CreateSessionForUserResponse,
        DeleteUserRequest, DeleteUserResponse, DisableUserRequest, DisableUserResponse,
        EnableUserRequest, EnableUserResponse, ExportUserDataRequest, ExportUserDataResponse,
        FindUserRequest, FindUserResponse, ImportUsersRequest, ImportUsersResponse,
        ListUserSessionsRequest, ListUserSessionsResponse, ListUsersRequest, ListUsersResponse,
        RevokeUserSessionsRequest, RevokeUserSessionsResponse, UpdateUserRequest,
        UpdateUserResponse,
        user_service_server::{UserService, UserServiceServer},
    },
    transport::{
        failure::Failure,
        input::{self, UserPage},
    },
};

/// The handlers of `UserService`.
#[derive(Clone)]
pub struct UserHandlers {
    auth: Auth,
}

/// `UserService` over the use cases, with the limits of `AuthService`.
pub fn user_service(auth: Auth) -> UserServiceServer<UserHandlers> {
    UserServiceServer::new(UserHandlers { auth }).max_decoding_message_size(MESSAGE_MAX)
}

/// Names the user who is missing or disabled by the id that was asked for.
fn about_id(id: UserId) -> impl FnOnce(AuthError) -> Failure {
    move |error| Failure::from(error).about_user(&id.to_string())
}

/// Names the user by id alone: an address is not repeated.
fn about_key(key: UserKey) -> impl FnOnce(AuthError) -> Failure {
    move |error| {
        let id = match key {
            UserKey::Id(id) => id.to_string(),
            UserKey::Email(_) | UserKey::Session(_) => String::new(),
        };
        Failure::from(error).about_user(&id)
    }
}

#[tonic::async_trait]
impl UserService for UserHandlers {
    async fn find_user(
        &self,
        request: Request<FindUserRequest>,
    ) -> Result<Response<FindUserResponse>, Status> {
        let (call, message) = open(request)?;
        let key = input::user_key(message.key.as_ref())?;
        let user = self.auth.users().find(&call, &key).await;
        Ok(Response::new(user.map_err(about_key(key))?.into()))
    }

    async fn list_users(
        &self,
        request: Request<ListUsersRequest>,
    ) -> Result<Response<ListUsersResponse>, Status> {
        let (call, message) = open(request)?;
        let (filter, page) = input::users_page(&message)?;
        let users = self.auth.users();
        let listed = users.list(&call, &filter, page.after(), page.limit());
        let mut listed = listed.await?;
        let next_page_token = page.cut(&mut listed, |user| user.id);
        Ok(Response::new(ListUsersResponse {
            users: listed.into_iter().map(Into::into).collect(),
            next_page_token,
        }))
    }

    async fn update_user(
        &self,
        request: Request<UpdateUserRequest>,
    ) -> Result<Response<UpdateUserResponse>, Status> {
        let (call, message) = open(request)?;
        let (id, edit) = input::user_edit(&message)?;
        let user = self.auth.users().update(&call, id, edit).await;
        Ok(Response::new(user.map_err(about_id(id))?.into()))
    }

    async fn disable_user(
        &self,
        request: Request<DisableUserRequest>,
    ) -> Result<Response<DisableUserResponse>, Status> {
        let (call, message) = open(request)?;
        let id = input::user_id(&message.user_id)?;
        let users = self.auth.users();
        let user = users.set_status(&call, id, UserStatus::Disabled).await;
        Ok(Response::new(user.map_err(about_id(id))?.into()))
    }

    async fn enable_user(
        &self,
        request: Request<EnableUserRequest>,
    ) -> Result<Response<EnableUserResponse>, Status> {
        let (call, message) = open(request)?;
        let id = input::user_id(&message.user_id)?;
        let users = self.auth.users();
        let user = users.set_status(&call, id, UserStatus::Active).await;
        Ok(Response::new(user.map_err(about_id(id))?.into()))
    }

    async fn delete_user(
        &self,
        request: Request<DeleteUserRequest>,
    ) -> Result<Response<DeleteUserResponse>, Status> {
        let (call, message) = open(request)?;
        let id = input::user_id(&message.user_id)?;
        let deleted = self.auth.users().delete(&call, id).await;
        deleted.map_err(about_id(id))?;
        Ok(Response::new(DeleteUserResponse {}))
    }

    async fn create_session_for_user(
        &self,
        request: Request<CreateSessionForUserRequest>,
    ) -> Result<Response<CreateSessionForUserResponse>, Status> {
        let (call, message) = open(request)?;
        let open = input::session_user(&call, &message)?;
        let session = self.auth.users().create_session(&call, &open).await;
        Ok(Response::new(session.map_err(about_key(open.key))?.into()))
    }

    async fn create_password_reset(
        &self,
        request: Request<CreatePasswordResetRequest>,
    ) -> Result<Response<CreatePasswordResetResponse>, Status> {
        let (call, message) = open(request)?;
        let key = input::password_reset_user(message.user.as_ref())?;
        let reset = self.auth.users().create_password_reset(&call, &key).await;
        Ok(Response::new(reset.map_err(about_key(key))?.into()))
    }

    async fn list_user_sessions(
        &self,
        request: Request<ListUserSessionsRequest>,
    ) -> Result<Response<ListUserSessionsResponse>, Status> {
        const METHOD: &str = "vestibule.v1.UserService/ListUserSessions";
        let (call, m) = open(request)?;
        let asked = input::user_page(METHOD, &m.user_id, m.page_size, &m.page_token)?;
        let UserPage { user_id: id, page } = asked;
        let (after, limit) = (page.after(), page.limit());
        let listed = self
            .auth
            .users()
            .list_sessions(&call, id, after, limit)
            .await;
        let mut sessions = listed.map_err(about_id(id))?;
        let next_page_token = page.cut(&mut sessions, |session| session.id);
        Ok(Response::new(ListUserSessionsResponse {
            sessions: sessions.into_iter().map(Into::into).collect(),
            next_page_token,
        }))
    }

    async fn revoke_user_sessions(
        &self,
        request: Request<RevokeUserSessionsRequest>,
    ) -> Result<Response<RevokeUserSessionsResponse>, Status> {
        let (call, message) = open(request)?;
        let (id, ended) = input::sessions_to_end(&message)?;
        let done = self.auth.users().end_sessions(&call, id, ended).await;
        done.map_err(about_id(id))?;
        Ok(Response::new(RevokeUserSessionsResponse {}))
    }

    async fn clear_throttle(
        &self,
        request: Request<ClearThrottleRequest>,
    ) -> Result<Response<ClearThrottleResponse>, Status> {
        let (call, message) = open(request)?;
        let id = input::user_id(&message.user_id)?;
        let key = UserKey::Id(id);
        let cleared = self.auth.users().clear_throttle(&call, &key).await;
        cleared.map_err(about_id(id))?;
        Ok(Response::new(ClearThrottleResponse {}))
    }

    async fn export_user_data(
        &self,
        request: Request<ExportUserDataRequest>,
    ) -> Result<Response<ExportUserDataResponse>, Status> {
        const METHOD: &str = "vestibule.v1.UserService/ExportUserData";
        let (call, m) = open(request)?;
        let asked = input::user_page(METHOD, &m.user_id, m.page_size, &m.page_token)?;
        let UserPage { user_id: id, page } = asked;
        let (after, limit) = (page.after(), page.limit());
        let export = self.auth.users().export(&call, id, after, limit).await;
        let mut export = export.map_err(about_id(id))?;
        let mut answer = ExportUserDataResponse {
            next_page_token: page.cut(&mut export.items, ExportedItem::id),
            user: Some(export.user.into()),
            ..ExportUserDataResponse::default()
        };
        for item in export.items {
            match item {
                ExportedItem::Session(session) => answer.sessions.push(session.into()),
                ExportedItem::Event(event) => answer.events.push(event.into()),
            }
        }
        Ok(Response::new(answer))
    }

    async fn import_users(
        &self,
        request: Request<Streaming<ImportUsersRequest>>,
    ) -> Result<Response<ImportUsersResponse>, Status> {
        let (call, messages) = open_stream(request)?;
        let imported = import::import_users(&self.auth, &call, messages).await;
        Ok(Response::new(imported?))
    }
}
