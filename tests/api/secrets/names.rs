//! What callers say and are told who act on users by name: their key, and tokens for their users.

use bytes::Bytes;
use http::header::AUTHORIZATION;
use prost::Message;
use vestibule::proto::v1::{
    CreatePasswordResetRequest, CreatePasswordResetResponse, CreateSessionForUserRequest,
    CreateSessionForUserResponse, ExportUserDataRequest, FindUserRequest, ListEventsRequest,
    create_password_reset_request, create_session_for_user_request, find_user_request,
};

use super::CANARY;
use crate::harness::{PASSWORD, Service, Store, frame, methods_of};

/// Calls every RPC of `UserService` and `AuditService` well and with broken messages, and exports on
/// the command line. Answers the key and the tokens that were told.
pub(super) async fn say_it_by_name(service: &Service, store: &Store) -> Vec<String> {
    let grants = methods_of(&["UserService", "AuditService"]);
    let allow = grants.join(",");
    let added = Service::run_over(store, &["caller", "add", "desk", "--allow", &allow]).await;
    let key = added.stdout.trim_end().to_owned();
    let (user, wire) = (service.grpc().registered().await, service.wire());
    let ask = async |method: &str, message: &[u8]| -> Bytes {
        let request = wire
            .request(&format!("/vestibule.v1.{method}"))
            .header(AUTHORIZATION, format!("Bearer {key}"));
        wire.send(request, frame(message)).await.body
    };

    let found = FindUserRequest {
        key: Some(find_user_request::Key::Email(user.email.clone())),
    };
    let found = ask("UserService/FindUser", &found.encode_to_vec()).await;
    assert!(!found.is_empty(), "the key opens the door");
    let session = CreateSessionForUserRequest {
        user: Some(create_session_for_user_request::User::Email(
            user.email.clone(),
        )),
        client: None,
    };
    let session = ask("UserService/CreateSessionForUser", &session.encode_to_vec()).await;
    let session = CreateSessionForUserResponse::decode(session.slice(5..)).unwrap();
    let reset = CreatePasswordResetRequest {
        user: Some(create_password_reset_request::User::Email(user.email)),
    };
    let reset = ask("UserService/CreatePasswordReset", &reset.encode_to_vec()).await;
    let reset = CreatePasswordResetResponse::decode(reset.slice(5..)).unwrap();
    let export = ExportUserDataRequest {
        user_id: user.id,
        ..ExportUserDataRequest::default()
    };
    ask("UserService/ExportUserData", &export.encode_to_vec()).await;
    let events = ListEventsRequest::default().encode_to_vec();
    ask("AuditService/ListEvents", &events).await;
    for method in grants {
        for message in [b"".as_slice(), PASSWORD.as_bytes()] {
            ask(&method, message).await;
        }
    }
    let exported = Service::run_over(store, &["users", "export"]).await;
    assert!(exported.stdout.contains(CANARY), "{}", exported.output);
    assert!(!exported.output.contains("$argon2"), "{}", exported.output);
    vec![key, session.session_token, reset.reset_token]
}
