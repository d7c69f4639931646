//! Who may act on users and read events: callers with a grant for the very method, and nobody else.

use futures_util::{StreamExt, stream};
use http::header::AUTHORIZATION;
use proptest::strategy::{Strategy, ValueTree};
use tonic::Code;

use crate::bad_input::{AT_ONCE, messages, runner};
use crate::harness::{
    EventKind, Fault, PASSWORD, Server, captured_lines, email, events_of, figure, frame,
    methods_of, scale,
};

on_both_databases!(
    each_method_is_for_callers_with_its_grant_alone,
    a_wrong_caller_and_a_wrong_user_have_different_reasons,
    the_callers_name_is_in_its_lines_and_events,
    no_bytes_break_a_method,
);

/// The RPCs that only named callers may call.
fn named_methods() -> Vec<String> {
    methods_of(&["UserService", "AuditService"])
}

/// Code and reason of an empty message.
async fn call(app: &Server, method: &str, key: Option<&str>) -> (Code, String) {
    let wire = app.wire();
    let mut request = wire.request(&format!("/vestibule.v1.{method}"));
    if let Some(key) = key {
        request = request.header(AUTHORIZATION, format!("Bearer {key}"));
    }
    let status = wire.send(request, frame(&[])).await.grpc_status();
    if status.code() == Code::Ok {
        return (Code::Ok, "OK".to_owned());
    }
    let fault = Fault::of(&status);
    (fault.code, fault.reason)
}

/// Although `AuthService` is open.
async fn each_method_is_for_callers_with_its_grant_alone(app: Server) {
    let methods = named_methods();
    for granted in &methods {
        let name = granted.to_lowercase().replace('/', "-");
        let key = app.caller(&name, std::slice::from_ref(granted)).await;
        for method in &methods {
            let (code, reason) = call(&app, method, Some(&key)).await;
            let expected = match method.as_str() {
                _ if method != granted => (Code::PermissionDenied, "CALLER_NOT_ALLOWED"),
                "UserService/ListUsers" | "UserService/ImportUsers" | "AuditService/ListEvents" => {
                    (Code::Ok, "OK")
                }
                _ => (Code::InvalidArgument, "INVALID_INPUT"),
            };
            assert_eq!((code, reason.as_str()), expected, "{method}");
        }
        for key in [None, Some("vck_canary")] {
            let (code, reason) = call(&app, granted, key).await;
            let expected = (Code::Unauthenticated, "CALLER_UNAUTHENTICATED");
            assert_eq!((code, reason.as_str()), expected, "{granted}");
        }
    }
}

/// (W12)
async fn a_wrong_caller_and_a_wrong_user_have_different_reasons(app: Server) {
    let users = app.users().await;
    let user = app.grpc().registered().await;
    let nobody = app.users_as("vck_canary").open_for(&user.id).await;
    super::assert_refused(nobody, Code::Unauthenticated, "CALLER_UNAUTHENTICATED");
    super::assert_nobody(users.open_for(super::NOBODY).await, super::NOBODY);
    users.disable(&user.id).await.unwrap();
    super::assert_disabled(users.open_for(&user.id).await, &user.id);
    let wrong = app.grpc().open(&email(), PASSWORD).await;
    super::assert_refused(wrong, Code::Unauthenticated, "BAD_CREDENTIALS");
}

async fn the_callers_name_is_in_its_lines_and_events(app: Server) {
    let users = app.users().await;
    let user = app.grpc().registered().await;
    users.open_for(&user.id).await.unwrap();
    users.disable(&user.id).await.unwrap();
    // SessionCreated and UserDisabled.
    let events = format!(
        "SELECT caller AS text FROM {}",
        events_of(&[EventKind::SessionCreated, EventKind::UserDisabled])
    );
    assert_eq!(app.store.texts(&events).await, ["desk", "desk"]);
    let lines = captured_lines(&user.id);
    for part in ["session created", "user disabled"] {
        let line = lines.iter().find(|line| line.contains(part));
        let line = line.unwrap_or_else(|| panic!("{part} in {lines:#?}"));
        assert!(line.contains("caller=\"desk\""), "{line}");
    }
}

/// (I1) 20 messages per RPC in CI, 110,000 for the scorecard: no panic and no INTERNAL.
async fn no_bytes_break_a_method(app: Server) {
    let methods = named_methods();
    let key = app.caller("desk", &methods).await;
    let (mut runner, messages) = (runner(), messages());
    let (wire, count) = (app.wire(), scale(20, 110_000));
    for method in &methods {
        let messages = (0..count).map(|_| messages.new_tree(&mut runner).unwrap().current());
        let answered = async |message: Vec<u8>| {
            let request = wire
                .request(&format!("/vestibule.v1.{method}"))
                .header(AUTHORIZATION, format!("Bearer {key}"));
            let status = wire.send(request, frame(&message)).await.grpc_status();
            if status.code() != Code::Ok {
                let fault = Fault::of(&status);
                let expected = matches!(fault.code, Code::InvalidArgument | Code::NotFound);
                assert!(expected, "{method} {message:?}: {fault:?}");
            }
        };
        stream::iter(messages)
            .for_each_concurrent(AT_ONCE, answered)
            .await;
    }
    let (sent, rpcs) = (count * methods.len(), methods.len());
    figure(
        "I1",
        format_args!("{sent} messages over {rpcs} RPCs of named callers, 0 INTERNAL"),
    );
}
