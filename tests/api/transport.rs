//! What every call passes: limits, the one deadline, cancellation, and its ids.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tonic::Code;
use vestibule::proto::v1::{RegisterUserRequest, ValidateSessionRequest};

use crate::harness::{
    Database, Fault, HandlerGate, HashGate, PASSWORD, Server, ServerProcess, Store, Wire,
    WireReply, captured_lines, email, eventually, figure, frame, scale,
};

on_both_databases!(
    a_message_or_header_list_over_its_limit_is_told_so,
    the_one_deadline_is_the_earlier_of_two,
    a_deadline_that_passed_or_cannot_be_read_reaches_no_handler,
    a_call_whose_caller_left_ends_with_it,
    every_answer_and_every_line_has_the_id_of_its_call,
);

const VALIDATE: &str = "/vestibule.v1.AuthService/ValidateSession";

fn token() -> ValidateSessionRequest {
    ValidateSessionRequest {
        session_token: "a token".into(),
    }
}

fn fault(reply: &WireReply) -> Fault {
    Fault::of(&reply.grpc_status())
}

/// Fields of 1,000 bytes each, so many kilobytes of them.
fn with_fields(mut request: http::request::Builder, kib: usize) -> http::request::Builder {
    for n in 0..kib {
        request = request.header(format!("x-field-{n}"), "x".repeat(1_000));
    }
    request
}

/// (W20)
async fn a_message_or_header_list_over_its_limit_is_told_so(app: Server) {
    let too_large = (Code::ResourceExhausted, "MESSAGE_TOO_LARGE");
    let request = RegisterUserRequest {
        email: email(),
        password: "x".repeat(1_000_000),
        ..RegisterUserRequest::default()
    };
    let faults = [
        Fault::from(app.grpc().register_user(request.clone()).await),
        fault(&app.wire().ask("RegisterUser", &request).await),
        fault(&validate_with(&app.wire(), 20).await.unwrap()),
    ];
    for fault in faults {
        assert_eq!(fault.meaning(), too_large);
        assert_eq!(fault.retry_after, None);
    }
    let rest = app.rest();
    let reply = rest
        .send(with_fields(rest.request("GET", "/"), 20), "")
        .await;
    assert_eq!(
        (reply.status.as_u16(), reply.reason()),
        (431, "MESSAGE_TOO_LARGE".to_owned())
    );

    // Beyond what the library reads there may be no reason, but there is no answer of ours either.
    if let Some(reply) = validate_with(&app.wire(), 128).await {
        assert_eq!(reply.status, 431);
    }
    if let Some(reply) = rest
        .try_send(with_fields(rest.request("GET", "/"), 128), "")
        .await
    {
        assert_eq!(reply.status, 431);
    }
    app.another_grpc().registered().await;
    assert_eq!(app.rest().get("/").await.status, 200);
}

async fn validate_with(wire: &Wire, kib: usize) -> Option<WireReply> {
    use prost::Message;
    let request = with_fields(wire.request(VALIDATE), kib);
    wire.try_send(request, frame(&token().encode_to_vec()))
        .await
}

/// (W13) Both protocols have the service's own; gRPC also has its caller's.
async fn the_one_deadline_is_the_earlier_of_two(database: Database) {
    let own = Duration::from_millis(400);
    let gate = HandlerGate::before(VALIDATE).and("GET /users/me");
    let plan = Server::on(database).await.handler_gate(&gate);
    let app = plan
        .settings(|settings| settings.server.request_timeout = own)
        .start()
        .await;
    let late = (Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
    for (timeout, limit) in [
        ("50m", Duration::from_millis(50)),
        ("100000u", Duration::from_millis(100)),
        ("1H", own),
    ] {
        let start = Instant::now();
        let reply = app
            .wire()
            .ask_within(timeout, "ValidateSession", &token())
            .await;
        let took = start.elapsed();
        assert_eq!(fault(&reply).meaning(), late);
        assert!(took >= limit, "{took:?} for {timeout}");
        figure("W13", format_args!("{timeout}: answered after {took:?}"));
    }
    let reply = app.wire().ask("ValidateSession", &token()).await;
    assert_eq!(fault(&reply).meaning(), late);
    let reply = app.rest().get_as("a token", "/users/me").await;
    assert_eq!(
        (reply.status.as_u16(), reply.reason()),
        (504, late.1.to_owned())
    );
}

async fn a_deadline_that_passed_or_cannot_be_read_reaches_no_handler(database: Database) {
    let gate = HandlerGate::default();
    let plan = Server::on(database).await.handler_gate(&gate);
    let app = plan.start().await;
    for (timeout, reason) in [
        ("0n", "DEADLINE_EXCEEDED"),
        ("0H", "DEADLINE_EXCEEDED"),
        ("1n", "DEADLINE_EXCEEDED"),
        ("", "MALFORMED_REQUEST"),
        ("5", "MALFORMED_REQUEST"),
        ("-5S", "MALFORMED_REQUEST"),
        ("5s", "MALFORMED_REQUEST"),
        ("1.5S", "MALFORMED_REQUEST"),
        ("123456789S", "MALFORMED_REQUEST"),
    ] {
        let reply = app
            .wire()
            .ask_within(timeout, "ValidateSession", &token())
            .await;
        assert_eq!(fault(&reply).reason, reason, "{timeout:?}");
    }
    assert_eq!(gate.arrived(VALIDATE), 0);
    let reply = app
        .wire()
        .ask_within("99999999H", "ValidateSession", &token())
        .await;
    assert_eq!(reply.code(), Code::Ok);
}

/// (W14) It is told in the log as CANCELLED, and nothing of it goes on.
async fn a_call_whose_caller_left_ends_with_it(database: Database) {
    let gate = HandlerGate::before(VALIDATE);
    let plan = Server::on(database).await.handler_gate(&gate);
    let app = plan.start().await;
    let id = uuid::Uuid::new_v4().to_string();
    let mut request = tonic::Request::new(token());
    request
        .metadata_mut()
        .insert("x-request-id", id.parse().unwrap());
    let mut client = app.grpc();
    let call = tokio::spawn(async move { client.validate_session(request).await });
    gate.await_arrived(VALIDATE, 1).await;
    assert!(lines_of(&id).is_empty());
    call.abort();
    eventually("the call ends", async || {
        lines_of(&id).iter().any(|line| line.contains("CANCELLED"))
    })
    .await;
}

/// The lines that calls end with.
fn lines_of(id: &str) -> Vec<String> {
    let lines = captured_lines(id).into_iter();
    lines.filter(|line| line.contains("duration_ms")).collect()
}

/// Good answers and bad ones, ours and the frameworks'; one line per call, and its trace is its
/// caller's.
async fn every_answer_and_every_line_has_the_id_of_its_call(app: Server) {
    let trace = uuid::Uuid::new_v4().simple().to_string();
    let wire = app.wire();
    for (path, body, code) in [
        (
            VALIDATE,
            frame(&prost::Message::encode_to_vec(&token())),
            Code::Ok,
        ),
        (VALIDATE, frame(&[]), Code::InvalidArgument),
        (VALIDATE, frame(&[0xFF]), Code::InvalidArgument),
        (VALIDATE, frame(&vec![0; 70_000]), Code::ResourceExhausted),
        ("/grpc.health.v1.Health/Check", frame(&[]), Code::Ok),
        (
            "/vestibule.v1.AuthService/None",
            frame(&[]),
            Code::Unimplemented,
        ),
        ("/nobody.v1.NoService/None", frame(&[]), Code::Unimplemented),
    ] {
        let id = uuid::Uuid::new_v4().to_string();
        let request = wire
            .request(path)
            .header("x-request-id", &id)
            .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"));
        let reply = wire.send(request, body).await;
        assert_eq!(reply.code(), code, "{path}");
        assert_eq!(reply.headers.get("x-request-id").unwrap(), &id, "{path}");
        if code != Code::Ok {
            assert_eq!(fault(&reply).request_id.unwrap(), id);
        }
        // The line may come a moment after the answer.
        eventually("the call is logged", async || !lines_of(&id).is_empty()).await;
        let lines = lines_of(&id);
        assert_eq!(lines.len(), 1, "{lines:#?}");
        assert!(lines[0].contains(&trace), "{}", lines[0]);
    }
    for (path, status) in [("/", 200), ("/nowhere", 404), ("/users/me", 401)] {
        let id = uuid::Uuid::new_v4().to_string();
        let request = app.rest().request("GET", path).header("x-request-id", &id);
        let reply = app.rest().send(request, "").await;
        assert_eq!(
            (reply.status.as_u16(), reply.header("x-request-id")),
            (status, id.as_str())
        );
        eventually("the call is logged", async || lines_of(&id).len() == 1).await;
    }
    let made = wire.send(wire.request(VALIDATE), frame(&[])).await;
    assert!(!fault(&made).request_id.unwrap().is_empty());
}

/// (I3) 30 rounds in CI, 1,000 for the scorecard, of what claims to be large or is: refused without
/// memory for it. Of the real binary, whose memory is its own.
#[tokio::test(flavor = "multi_thread")]
async fn what_claims_to_be_large_takes_no_memory() {
    let store = Store::new(Database::Sqlite).await;
    let service = ServerProcess::start(&store, &[], &[("VESTIBULE_HASHING_WORKERS", "1")]);
    service.await_ready().await;
    let wire = service.wire();
    let round = async || {
        // Four gigabytes, of which five bytes come.
        let claims = Bytes::from_static(&[0, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3, 4, 5]);
        let reply = wire.send(wire.request(VALIDATE), claims).await;
        assert_eq!(fault(&reply).reason, "MESSAGE_TOO_LARGE");
        let request = RegisterUserRequest {
            email: email(),
            password: "x".repeat(1024 * 1024),
            ..RegisterUserRequest::default()
        };
        let reply = wire.ask("RegisterUser", &request).await;
        assert_eq!(fault(&reply).reason, "MESSAGE_TOO_LARGE");
        let reply = service.rest().register(&email(), &request.password).await;
        assert_eq!(reply.reason(), "MESSAGE_TOO_LARGE");
    };
    round().await;
    let before = service.resident_kib();
    let count = scale(30, 1_000);
    for _ in 0..count {
        round().await;
    }
    let grown = service.resident_kib().saturating_sub(before);
    assert!(grown < 10 * 1024, "{grown} KiB");
    figure("I3", format_args!("{grown} KiB more after {count} rounds"));
    assert!(service.grpc().register(&email(), PASSWORD).await.is_ok());
}

/// Nothing of a refused call reaches the hashing threads.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_over_its_limits_costs_no_hash() {
    let gate = HashGate::opened();
    let plan = Server::on(Database::Sqlite).await.hash_gate(&gate);
    let app = plan.start().await;
    let wire = app.wire();
    let request = RegisterUserRequest {
        email: email(),
        password: PASSWORD.into(),
        ..RegisterUserRequest::default()
    };
    let message = frame(&prost::Message::encode_to_vec(&request));
    let head = wire.request("/vestibule.v1.AuthService/RegisterUser");
    let reply = wire.send(with_fields(head, 20), message).await;
    assert_eq!(fault(&reply).reason, "MESSAGE_TOO_LARGE");
    assert_eq!(gate.started(), 0);
}
