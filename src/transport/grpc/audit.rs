//! `AuditService`: the handler converts, calls `auth` and converts back.

use tonic::{Request, Response, Status};

use super::{MESSAGE_MAX, open};
use crate::{
    auth::Auth,
    proto::v1::{
        ListEventsRequest, ListEventsResponse,
        audit_service_server::{AuditService, AuditServiceServer},
    },
    transport::input,
};

/// The handlers of `AuditService`.
#[derive(Clone)]
pub struct AuditHandlers {
    auth: Auth,
}

/// `AuditService` over the use cases, with the limits of `AuthService`.
pub fn audit_service(auth: Auth) -> AuditServiceServer<AuditHandlers> {
    AuditServiceServer::new(AuditHandlers { auth }).max_decoding_message_size(MESSAGE_MAX)
}

#[tonic::async_trait]
impl AuditService for AuditHandlers {
    async fn list_events(
        &self,
        request: Request<ListEventsRequest>,
    ) -> Result<Response<ListEventsResponse>, Status> {
        let (call, message) = open(request)?;
        let (filter, page) = input::event_list(&message)?;
        let users = self.auth.users();
        let listed = users.list_events(&call, &filter, page.after(), page.limit());
        let mut events = listed.await?;
        let next_page_token = page.cut(&mut events, |event| event.id);
        Ok(Response::new(ListEventsResponse {
            events: events.into_iter().map(Into::into).collect(),
            next_page_token,
        }))
    }
}
