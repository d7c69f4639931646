//! What a caller may call: what was granted to it, each method by itself, through both protocols.

use http::header::AUTHORIZATION;
use prost::Message;
use tonic::Code;
use vestibule::{
    proto::v1::{CreateSessionRequest, ValidLoginRequest},
    transport::AuthServiceAccess,
};

use super::{CALLER_NOT_ALLOWED, CALLER_UNAUTHENTICATED, bearer, named, told};
use crate::harness::{
    Database, EventKind, Fault, HandlerGate, HashGate, PASSWORD, SERVING, Server, captured_lines,
    email, events_of, frame,
};

on_both_databases!(
    a_named_caller_calls_what_was_granted_and_nothing_else,
    a_wrong_caller_and_a_wrong_user_have_different_reasons,
    rest_is_for_named_callers_as_well,
    every_route_is_guarded_or_does_not_exist,
    a_refusal_comes_before_the_body_and_before_any_hash,
    where_the_service_is_open_a_caller_is_known_all_the_same,
    the_callers_name_is_in_every_line_of_its_calls_and_in_their_events,
);

const METHODS: [&str; 5] = [
    "RegisterUser",
    "ValidLogin",
    "CreateSession",
    "ValidateSession",
    "RevokeSession",
];

/// Code and reason of an empty message, which is at fault for whoever may send it.
async fn call(app: &Server, method: &str, key: Option<&str>) -> (Code, String) {
    let wire = app.wire();
    let mut request = wire.request(&format!("/vestibule.v1.AuthService/{method}"));
    if let Some(key) = key {
        request = request.header(AUTHORIZATION, bearer(key));
    }
    let fault = Fault::of(&wire.send(request, frame(&[])).await.grpc_status());
    (fault.code, fault.reason)
}

/// Each of the five methods granted alone.
async fn a_named_caller_calls_what_was_granted_and_nothing_else(database: Database) {
    let app = named(database).await.start().await;
    for granted in METHODS {
        let caller = granted.to_lowercase();
        let key = app
            .caller(&caller, &[&format!("AuthService/{granted}")])
            .await;
        for method in METHODS {
            let expected = if method == granted {
                (Code::InvalidArgument, "INVALID_INPUT")
            } else {
                (Code::PermissionDenied, CALLER_NOT_ALLOWED)
            };
            let (code, reason) = call(&app, method, Some(&key)).await;
            assert_eq!((code, reason.as_str()), expected, "{method}");
        }
        let (code, reason) = call(&app, granted, None).await;
        assert_eq!(
            (code, reason.as_str()),
            (Code::Unauthenticated, CALLER_UNAUTHENTICATED)
        );
    }
    // Health is for whoever reaches the port.
    assert_eq!(app.health().check("").await, Ok(SERVING));
}

/// (W12)
async fn a_wrong_caller_and_a_wrong_user_have_different_reasons(database: Database) {
    let app = named(database).await.start().await;
    let key = app.caller("shop", &["AuthService/CreateSession"]).await;
    let message = CreateSessionRequest {
        email: email(),
        password: PASSWORD.into(),
        client: None,
    }
    .encode_to_vec();
    for (key, expected) in [
        (None, (Code::Unauthenticated, CALLER_UNAUTHENTICATED)),
        (Some(&key), (Code::Unauthenticated, "BAD_CREDENTIALS")),
    ] {
        let wire = app.wire();
        let mut request = wire.request("/vestibule.v1.AuthService/CreateSession");
        if let Some(key) = key {
            request = request.header(AUTHORIZATION, bearer(key));
        }
        let reply = wire.send(request, frame(&message)).await;
        assert_eq!(Fault::of(&reply.grpc_status()).meaning(), expected);
    }
}

/// `POST /users` is granted as `RegisterUser`, `GET /users/{id}` as `ValidateSession`.
async fn rest_is_for_named_callers_as_well(database: Database) {
    let app = named(database).await.start().await;
    let methods = ["RegisterUser", "CreateSession", "ValidateSession"];
    let methods = methods.map(|method| format!("AuthService/{method}"));
    let methods: Vec<&str> = methods.iter().map(String::as_str).collect();
    let key = app.caller("shop", &methods).await;
    let weak = app.caller("weak", &["AuthService/RevokeSession"]).await;
    let rest = app.rest();
    let address = email();
    let form = format!("email={address}&password={PASSWORD}").replace(' ', "+");
    let register = async |header: Option<(&str, &str)>| {
        let mut request = rest
            .request("POST", "/users")
            .header("content-type", "application/x-www-form-urlencoded");
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        rest.send(request, form.clone()).await
    };
    let nobody = register(None).await;
    assert_eq!(nobody.reason(), CALLER_UNAUTHENTICATED);
    assert_eq!(nobody.status, 401);
    assert_eq!(nobody.header("www-authenticate"), "Bearer");
    let other = register(Some(("authorization", &bearer(&weak)))).await;
    assert_eq!(
        (other.status.as_u16(), other.reason().as_str()),
        (403, CALLER_NOT_ALLOWED)
    );
    assert_eq!(app.store.rows("users").await, 0);
    let made = register(Some(("authorization", &bearer(&key)))).await;
    assert_eq!(made.status, 201);
    let again = register(Some(("x-vestibule-caller", &key))).await;
    assert_eq!(again.reason(), "EMAIL_TAKEN");

    let mut open = tonic::Request::new(CreateSessionRequest {
        email: address,
        password: PASSWORD.into(),
        client: None,
    });
    let value = bearer(&key).parse().unwrap();
    open.metadata_mut().insert("authorization", value);
    let opened = app.grpc().create_session(open).await.unwrap();
    let token = opened.into_inner().session_token;
    let read = async |session: &str, caller: &str| {
        let request = rest
            .request("GET", "/users/me")
            .header("authorization", bearer(session))
            .header("x-vestibule-caller", caller);
        rest.send(request, "").await
    };
    assert_eq!(read(&token, &key).await.status, 200);
    assert_eq!(read("vst_x", &key).await.reason(), "SESSION_INVALID");
    assert_eq!(read(&token, &weak).await.reason(), CALLER_NOT_ALLOWED);
    let alone = rest.get_as(&token, "/users/me").await;
    assert_eq!(alone.reason(), CALLER_UNAUTHENTICATED);
    let no_session = rest.get_as(&key, "/users/me").await;
    assert_eq!(no_session.reason(), "SESSION_INVALID");
}

/// Nine methods on seven paths: the router knows no route that the policy does not.
async fn every_route_is_guarded_or_does_not_exist(database: Database) {
    let app = named(database).await.start().await;
    for path in [
        "/",
        "/openapi.json",
        "/users",
        "/users/me",
        "/users/",
        "/users/me/x",
        "//",
        "/no",
    ] {
        for method in [
            "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CANARY",
        ] {
            let reply = app.rest().send(app.rest().request(method, path), "").await;
            let expected = match (method, path) {
                ("GET" | "HEAD", "/" | "/openapi.json") => &[200][..],
                ("POST", "/users") | ("GET" | "HEAD", "/users/me") => &[401],
                (_, "/" | "/openapi.json" | "/users" | "/users/me") => &[405],
                _ => &[404],
            };
            let status = reply.status.as_u16();
            assert!(expected.contains(&status), "{method} {path}: {status}");
        }
    }
}

/// A message over the limit would be `MESSAGE_TOO_LARGE`, and no handler is ever reached.
async fn a_refusal_comes_before_the_body_and_before_any_hash(database: Database) {
    let (hashes, handlers) = (HashGate::opened(), HandlerGate::default());
    let plan = named(database).await;
    let plan = plan.hash_gate(&hashes).handler_gate(&handlers);
    let app = plan.start().await;
    let key = app.caller("weak", &["AuthService/RevokeSession"]).await;
    let wire = app.wire();
    let path = "/vestibule.v1.AuthService/ValidLogin";
    let message = ValidLoginRequest {
        email: email(),
        password: PASSWORD.into(),
        client: None,
    };
    for body in [message.encode_to_vec(), vec![0; 70_000]] {
        let nobody = wire.send(wire.request(path), frame(&body)).await;
        let reason = Fault::of(&nobody.grpc_status()).reason;
        assert_eq!(reason, CALLER_UNAUTHENTICATED);
        let weak = wire.request(path).header(AUTHORIZATION, bearer(&key));
        let weak = wire.send(weak, frame(&body)).await;
        assert_eq!(Fault::of(&weak.grpc_status()).reason, CALLER_NOT_ALLOWED);
    }
    assert_eq!((handlers.arrived(path), hashes.started()), (0, 0));
}

/// It needs no grant there: whoever reaches the port may call.
async fn where_the_service_is_open_a_caller_is_known_all_the_same(database: Database) {
    let plan = Server::on(database).await;
    assert_eq!(
        plan.settings.server.gate.auth_service,
        AuthServiceAccess::Open
    );
    let app = plan.start().await;
    let key = app.caller("guest", &["AuthService/RevokeSession"]).await;
    let id = "open-and-known";
    let proof = [("authorization", &*bearer(&key)), ("x-request-id", id)];
    assert_eq!(told(&app, &proof).await, "OK");
    assert_eq!(told(&app, &[]).await, "OK");
    let lines = captured_lines(id);
    assert!(!lines.is_empty());
    assert!(
        lines.iter().all(|line| line.contains("caller=\"guest\"")),
        "{lines:#?}"
    );
}

async fn the_callers_name_is_in_every_line_of_its_calls_and_in_their_events(database: Database) {
    let app = named(database).await.start().await;
    let caller = format!("shop-{database:?}").to_lowercase();
    let methods = ["AuthService/RegisterUser", "AuthService/ValidLogin"];
    let key = app.caller(&caller, &methods).await;
    let id = format!("named-{database:?}");
    let rest = app.rest();
    let request = rest
        .request("POST", "/users")
        .header("content-type", "application/json")
        .header("authorization", bearer(&key))
        .header("x-request-id", &id);
    let body = serde_json::json!({"email": email(), "password": PASSWORD});
    assert_eq!(rest.send(request, body.to_string()).await.status, 201);
    let lines = captured_lines(&id);
    for part in ["user registered", "method=\"POST /users\""] {
        let found = lines.iter().find(|line| line.contains(part));
        let line = found.unwrap_or_else(|| panic!("{part} in {lines:#?}"));
        assert!(line.contains(&format!("caller=\"{caller}\"")), "{line}");
    }
    // UserRegistered is kind 1.
    let events = format!(
        "SELECT caller AS text FROM {}",
        events_of(&[EventKind::UserRegistered])
    );
    assert_eq!(app.store.texts(&events).await, [caller.as_str()]);
    assert!(captured_lines("vck_").is_empty());
    // A call that was refused names its caller too.
    let refused = format!("refused-{database:?}");
    let proof = [
        ("authorization", &*bearer(&key)),
        ("x-request-id", &refused),
    ];
    assert_eq!(told(&app, &proof).await, CALLER_NOT_ALLOWED);
    let lines = captured_lines(&refused);
    let call = lines.iter().find(|line| line.contains(CALLER_NOT_ALLOWED));
    assert!(call.unwrap().contains(&caller), "{lines:#?}");
}
