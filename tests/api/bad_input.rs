//! Bad input is told what is wrong with it; it costs no hash, stores nothing and breaks nothing.

use futures_util::{StreamExt, stream};
use proptest::{
    collection::vec,
    prelude::*,
    strategy::ValueTree,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};
use prost::Message;
use tonic::Code;
use vestibule::proto::v1::RegisterUserRequest;

use crate::harness::{Fault, PASSWORD, Server, email, figure, frame, methods_of, scale};

on_both_databases!(
    no_bytes_break_an_rpc,
    no_bytes_break_a_route,
    json_that_two_readers_could_read_differently_is_refused,
    forms_are_decoded_strictly,
    text_that_is_not_utf8_is_refused,
    a_body_cut_short_is_refused,
);

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
/// Requests under way at once, where there are many: fewer than wait for a hash or may share a
/// connection.
pub(crate) const AT_ONCE: usize = 64;
/// Those that are open to everybody unless callers are named.
fn open_methods() -> Vec<String> {
    methods_of(&["AuthService", "AccountService"])
}

/// Nothing was stored, and no hash was computed.
async fn assert_cost_nothing(app: &Server) {
    assert_eq!(app.store.rows("users").await, 0);
    let hashes = app.scrape().await;
    let hashes = hashes.value("vestibule_hash_duration_seconds_count", &[]);
    assert_eq!(hashes, 0, "hashes");
}

pub(crate) fn runner() -> TestRunner {
    TestRunner::new_with_rng(
        ProptestConfig::default(),
        TestRng::deterministic_rng(RngAlgorithm::ChaCha),
    )
}

/// Random bytes, and real messages with some bytes changed.
pub(crate) fn messages() -> impl Strategy<Value = Vec<u8>> {
    let good = (".{0,30}", ".{0,30}", ".{0,30}").prop_map(|(email, password, request_id)| {
        RegisterUserRequest {
            email,
            password,
            request_id,
            client: None,
        }
        .encode_to_vec()
    });
    let changed = (good.clone(), any::<prop::sample::Index>(), any::<u8>()).prop_map(
        |(mut message, at, byte)| {
            if !message.is_empty() {
                let at = at.index(message.len());
                message[at] = byte;
            }
            message
        },
    );
    prop_oneof![vec(any::<u8>(), 0..64), good, changed]
}

/// (I1) 200 messages per RPC in CI, 110,000 for the scorecard: no panic, no INTERNAL, and a client
/// after them is served.
async fn no_bytes_break_an_rpc(app: Server) {
    let mut runner = runner();
    let (wire, messages, count) = (app.wire(), messages(), scale(200, 110_000));
    let methods = open_methods();
    for method in &methods {
        let messages = (0..count).map(|_| messages.new_tree(&mut runner).unwrap().current());
        let answered = async |message: Vec<u8>| {
            let status = wire.call(method, &message).await.grpc_status();
            if status.code() != Code::Ok {
                let fault = Fault::of(&status);
                assert!(
                    matches!(
                        fault.code,
                        Code::InvalidArgument
                            | Code::Unauthenticated
                            | Code::AlreadyExists
                            | Code::FailedPrecondition
                    ),
                    "{method} {message:?}: {fault:?}"
                );
            }
        };
        stream::iter(messages)
            .for_each_concurrent(AT_ONCE, answered)
            .await;
    }
    app.grpc().registered().await;
    figure(
        "I1",
        format_args!(
            "{} messages over {} RPCs, 0 INTERNAL",
            count * methods.len(),
            methods.len()
        ),
    );
}

/// Random bytes, and bodies that are nearly what the media type says.
fn bodies(shape: &str) -> impl Strategy<Value = Vec<u8>> {
    let shaped = proptest::string::string_regex(shape).unwrap();
    prop_oneof![vec(any::<u8>(), 0..64), shaped.prop_map(String::into_bytes)]
}

/// (I1) 200 bodies per media type and 200 bearer tokens in CI, 110,000 for the scorecard: no 5xx.
async fn no_bytes_break_a_route(app: Server) {
    const JSONISH: &str = r#"\{"(email|password|x)":("\PC{0,9}"|[0-9.e-]{1,5}|null|\[\]|\{\}),?("password":"\PC{8,12}")?\}?"#;
    const FORMISH: &str =
        "(email|password|x)=[a-z%0-9+@]{0,12}(&(password|email)=[a-z%0-9+]{0,12})?";
    let mut runner = runner();
    let (rest, count) = (app.rest(), scale(200, 110_000));
    for (kind, shape) in [(JSON, JSONISH), (FORM, FORMISH)] {
        let bodies = bodies(shape);
        let bodies = (0..count).map(|_| bodies.new_tree(&mut runner).unwrap().current());
        let answered = async |body: Vec<u8>| {
            let reply = rest.post("/users", kind, body.clone()).await;
            assert!(
                !reply.status.is_server_error(),
                "{:?}: {reply:?}",
                String::from_utf8_lossy(&body)
            );
            if reply.status.is_client_error() {
                reply.reason();
            }
        };
        stream::iter(bodies)
            .for_each_concurrent(AT_ONCE, answered)
            .await;
    }
    // Every byte that a header's value may hold.
    let tokens = vec(prop_oneof![b' '..=b'~', 0x80..=0xff_u8], 0..80).prop_map(|token| {
        http::HeaderValue::from_bytes(&[b"Bearer ", token.as_slice()].concat()).unwrap()
    });
    let tokens = (0..count).map(|_| tokens.new_tree(&mut runner).unwrap().current());
    let refused = async |token| {
        let request = rest.request("GET", "/users/me");
        let reply = rest.send(request.header("authorization", token), "").await;
        assert_eq!(reply.reason(), "SESSION_INVALID");
    };
    stream::iter(tokens)
        .for_each_concurrent(AT_ONCE, refused)
        .await;
    figure(
        "I1",
        format_args!("{} requests over 2 routes, 0 times 5xx", count * 3),
    );
}

async fn json_that_two_readers_could_read_differently_is_refused(app: Server) {
    for body in [
        r#"{"email":"a@example.com","email":"b@example.com","password":"a canary sings"}"#,
        r#"{"email":"a@example.com","password":"a canary sings","passwor\u0064":"another one"}"#,
        r#"{"email":"a@example.com","password":"\ud800 a canary sings"}"#,
        r#"{"email":"a@example.com","password":"a canary sings"} {}"#,
        r#"{"email":"a@example.com","password":"a canary sings""#,
        r#"[{"email":"a@example.com","password":"a canary sings"}]"#,
        r#""a""#,
        "",
        "null",
        "{'email':'a@example.com'}",
        "\u{feff}{}",
    ] {
        let reply = app.rest().post("/users", JSON, body).await;
        assert_eq!(
            (reply.status.as_u16(), reply.reason()),
            (400, "MALFORMED_REQUEST".into()),
            "{body}"
        );
    }
    for body in [
        r#"{"email":7,"password":null}"#,
        r#"{"email":["a@example.com"],"password":{}}"#,
        "{}",
    ] {
        let reply = app.rest().post("/users", JSON, body).await;
        assert_eq!(
            (reply.status.as_u16(), reply.reason()),
            (400, "INVALID_INPUT".into()),
            "{body}"
        );
        assert_eq!(reply.faults().len(), 2, "{body}");
    }
    assert_cost_nothing(&app).await;
}

async fn forms_are_decoded_strictly(app: Server) {
    for body in [
        "email=a%40example.com&password=a%FFcanary+sings",
        "email=a%40example.com&password=a%+canary+sings",
        "email=a%40example.com&password=a%4",
        "email=a%40example.com&email=b%40example.com&password=a+canary+sings",
        "email=a%40example.com&password=a+canary+sings&pass%77ord=a+canary+sings",
    ] {
        let reply = app.rest().post("/users", FORM, body).await;
        assert_eq!(
            (reply.status.as_u16(), reply.reason()),
            (400, "MALFORMED_REQUEST".into()),
            "{body}"
        );
    }
    let unknown = app
        .rest()
        .post(
            "/users",
            FORM,
            "email=a%40example.com&password=a+canary+sings&role=admin",
        )
        .await;
    assert_eq!(
        unknown.faults(),
        [("role".to_owned(), "UNKNOWN_FIELD".to_owned())]
    );
    assert_cost_nothing(&app).await;
}

async fn text_that_is_not_utf8_is_refused(app: Server) {
    // Field 1, two bytes, no UTF-8.
    for method in open_methods() {
        let reply = app.wire().call(&method, &[0x0A, 2, 0xC3, 0x28]).await;
        assert_eq!(
            Fault::of(&reply.grpc_status()).meaning(),
            (Code::InvalidArgument, "MALFORMED_REQUEST"),
            "{method}"
        );
    }
    let reply = app
        .rest()
        .post("/users", JSON, &b"{\"email\":\"\xC3\x28\"}"[..])
        .await;
    assert_eq!(reply.reason(), "MALFORMED_REQUEST");
    assert_cost_nothing(&app).await;
}

async fn a_body_cut_short_is_refused(app: Server) {
    let whole = frame(
        &RegisterUserRequest {
            email: email(),
            password: PASSWORD.into(),
            ..RegisterUserRequest::default()
        }
        .encode_to_vec(),
    );
    let wire = app.wire();
    for length in [0, 3, 5, whole.len() - 1] {
        let reply = wire
            .send(
                wire.request("/vestibule.v1.AuthService/RegisterUser"),
                whole.slice(..length),
            )
            .await;
        let fault = Fault::of(&reply.grpc_status());
        assert_eq!(
            fault.meaning(),
            (Code::InvalidArgument, "MALFORMED_REQUEST"),
            "{length} bytes"
        );
    }
    let mut connection = app.raw_rest().await;
    connection.write(b"POST /users HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{\"email\":").await;
    tokio::io::AsyncWriteExt::shutdown(&mut connection.0)
        .await
        .unwrap();
    let answer = String::from_utf8_lossy(&connection.read_to_end().await).into_owned();
    assert!(
        answer.is_empty() || answer.contains("MALFORMED_REQUEST"),
        "{answer}"
    );
    assert_cost_nothing(&app).await;
}
