//! Secrets stay where they belong: passwords, tokens and addresses are sent on every way there is,
//! and then looked for in all that the service leaves behind.

mod leftovers;
mod mail;
mod names;

use tonic::Request;
use vestibule::{
    domain::{SessionToken, TokenPurpose},
    proto::v1::{RequestPasswordResetRequest, ValidLoginRequest},
};

use crate::account::proofs::{calls_about_sessions, calls_with_session, redemption};
use crate::harness::{
    Client, Database, HandlerGate, HashGate, PASSWORD, Rest, Server, ServerProcess, Store, Wire,
    email, figure, frame,
};
use leftovers::{WriteAheadLog, look_through_columns, needles_of};
use names::say_it_by_name;

on_both_databases!(
    no_secret_is_logged_or_stored,
    no_secret_is_in_what_a_panic_or_a_dependency_logs,
);

/// In every password and address here, right or wrong.
const CANARY: &str = "canary";
/// The clients of one server.
struct Callers {
    grpc: Client,
    wire: Wire,
    rest: Rest,
}

/// Calls every RPC and route with secrets in their place, in wrong ones, and in broken messages.
/// Answers the tokens of the sessions that it opened.
async fn say_everything(callers: &Callers) -> Vec<String> {
    let Callers { grpc, wire, rest } = callers;
    let user = grpc.registered().await;
    for (address, password) in [
        (user.email.as_str(), PASSWORD),
        (&email(), "canary"),
        (PASSWORD, PASSWORD),
        (&email(), &"canary sings ".repeat(20)),
        (&email(), "canary sings\0"),
    ] {
        assert!(grpc.register(address, password).await.is_err());
        assert!(
            rest.register(address, password)
                .await
                .status
                .is_client_error()
        );
    }
    assert!(grpc.register_as(&email(), PASSWORD, CANARY).await.is_err());
    for password in [PASSWORD, "a canary sings at ten"] {
        for address in [&user.email, &user.email.to_uppercase(), &email()] {
            let _ = grpc.login(address, password).await;
            let _ = grpc.open(address, password).await;
        }
    }

    let mut tokens = Vec::new();
    for _ in 0..2 {
        tokens.push(
            grpc.open(&user.email, PASSWORD)
                .await
                .unwrap()
                .session_token,
        );
    }
    let wrong = wrong_tokens(&tokens[0]);
    for token in tokens.iter().chain(&wrong) {
        let _ = grpc.validate(token).await;
        rest.get_as(token, "/users/me").await;
        rest.get(&format!("/users/{token}")).await;
        rest.get(&format!("/users/me?token={token}")).await;
        let request = rest.request("GET", "/users/me").header("cookie", token);
        rest.send(request, "").await;
    }
    for token in [&tokens[1]].into_iter().chain(&wrong) {
        let _ = grpc.revoke(token).await;
    }

    say_it_of_an_account(wire, &user.email, &tokens[0], &wrong).await;
    say_it_in_metadata(grpc, &tokens[0]).await;
    say_it_in_broken_bytes(wire, rest).await;
    tokens
}

/// To every RPC of `AccountService`; what a right password does to the rows is done by one alone.
async fn say_it_of_an_account(wire: &Wire, email: &str, token: &str, wrong: &[String]) {
    let [_, change, ..] = calls_with_session(token, PASSWORD);
    let wrong_password = calls_with_session(token, "a canary sings wrong");
    let wrong_sessions = wrong
        .iter()
        .flat_map(|token| calls_with_session(token, PASSWORD));
    let other_sessions = wrong.iter().flat_map(|token| calls_about_sessions(token));
    let one_time = wrong.iter().flat_map(|token| {
        let purposes = [
            TokenPurpose::PasswordReset,
            TokenPurpose::EmailVerification,
            TokenPurpose::EmailChange,
        ];
        purposes.map(|purpose| redemption(purpose, token))
    });
    for (method, message) in wrong_password
        .into_iter()
        .chain(wrong_sessions)
        .chain(other_sessions)
        .chain(one_time)
    {
        wire.call(method, &message).await;
    }
    wire.call(change.0, &change.1).await;
    let reset = RequestPasswordResetRequest {
        email: email.to_owned(),
        client: None,
    };
    for method in ["RequestPasswordReset", "RequestEmailVerification"] {
        wire.ask(&format!("AccountService/{method}"), &reset).await;
    }
}

/// Shorter, longer, and with another secret behind a good id and checksum.
fn wrong_tokens(token: &str) -> Vec<String> {
    let id = SessionToken::parse(token).unwrap().id();
    vec![
        token[..71].to_owned(),
        format!("{token}canary"),
        "canary".repeat(100),
        SessionToken::new(id, [7; 32]).expose().to_string(),
    ]
}

async fn say_it_in_metadata(grpc: &Client, token: &str) {
    for name in ["authorization", "cookie", "x-canary"] {
        let mut request = Request::new(ValidLoginRequest {
            email: email(),
            password: PASSWORD.into(),
            client: None,
        });
        let value = format!("Bearer {token} {PASSWORD}");
        request.metadata_mut().insert(name, value.parse().unwrap());
        let outcome = grpc.clone().valid_login(request).await;
        // There it would be a caller's proof, which it is not.
        assert_eq!(outcome.is_err(), name == "authorization");
    }
}

async fn say_it_in_broken_bytes(wire: &Wire, rest: &Rest) {
    for bytes in [PASSWORD.to_owned(), PASSWORD.repeat(4_000)] {
        wire.call("RegisterUser", bytes.as_bytes()).await;
        wire.call("canary", bytes.as_bytes()).await;
        let unknown = wire.request("/canary.v1.Canary/Sing");
        wire.send(unknown, frame(bytes.as_bytes())).await;
    }
    let json = |body: &str| format!(r#"{{"email":"{}",{body}}}"#, email());
    for body in [
        json(r#""password":"a canary sings at nine","canary":"a canary sings""#),
        json(r#""password":"a canary sings"#),
        json(r#""password":{"canary sings":1}"#),
        format!(r#""{PASSWORD}""#),
        format!("email={}&password={PASSWORD}&canary=canary", email()),
    ] {
        for kind in [
            "application/json",
            "application/x-www-form-urlencoded",
            "text/canary",
        ] {
            rest.post("/users", kind, body.clone()).await;
            rest.post("/canary", kind, body.clone()).await;
        }
    }
    let put = rest.request("PUT", "/users/canary?password=canary");
    rest.send(put, PASSWORD).await;
    let keyed = rest
        .request("POST", "/users")
        .header("idempotency-key", CANARY);
    rest.send(keyed, "{}").await;
}

/// (L1) (W40) The real binary at TRACE, JSON and text: every line it wrote; every text column; the
/// database's files and its log of writes.
async fn no_secret_is_logged_or_stored(database: Database) {
    for format in ["json", "text"] {
        let store = Store::empty(database).await;
        let wal = WriteAheadLog::begin(&store, database).await;
        let arguments = ["--log-level", "trace", "--log-format", format];
        let service = ServerProcess::start(&store, &arguments, &[]);
        service.await_ready().await;
        let callers = Callers {
            grpc: service.grpc(),
            wire: service.wire(),
            rest: service.rest(),
        };
        let mut tokens = say_everything(&callers).await;
        tokens.extend(say_it_by_name(&service, &store).await);
        look_through_columns(&store, database, &tokens).await;
        wal.look_through(&store, &tokens).await;
        service.signal("INT").await;
        let ended = service.finish().await;
        assert_eq!(ended.code(), Some(0), "{}", ended.output);
        wal.look_through(&store, &tokens).await;

        let mut needles = needles_of(&tokens);
        needles.extend([CANARY, "vst_", "vrt_", "vck_", "$argon2"].map(String::from));
        for line in ended.output.lines() {
            let found = needles.iter().find(|needle| line.contains(*needle));
            assert!(found.is_none(), "{found:?} in {line}");
        }
        figure(
            "L1",
            format_args!(
                "{database:?}: {} {format} lines at trace, 0 hits",
                ended.output.lines().count()
            ),
        );
    }
}

/// (L1) In the process of the tests, where every crate is heard at its finest and each application
/// looks through the log when it goes: with panics in handlers and in the hashing thread.
async fn no_secret_is_in_what_a_panic_or_a_dependency_logs(database: Database) {
    let (handlers, hashes) = (HandlerGate::default(), HashGate::opened());
    let app = Server::on(database)
        .await
        .handler_gate(&handlers)
        .hash_gate(&hashes)
        .start()
        .await;
    let callers = Callers {
        grpc: app.grpc(),
        wire: app.wire(),
        rest: app.rest(),
    };
    let tokens = say_everything(&callers).await;
    for method in ["RegisterUser", "ValidLogin", "CreateSession"] {
        handlers.break_next(&format!("/vestibule.v1.AuthService/{method}"));
    }
    assert!(app.grpc().register(&email(), PASSWORD).await.is_err());
    assert!(app.grpc().login(&email(), PASSWORD).await.is_err());
    assert!(app.grpc().open(&email(), PASSWORD).await.is_err());
    hashes.break_next(1);
    assert!(app.grpc().register(&email(), PASSWORD).await.is_err());
    look_through_columns(&app.store, database, &tokens).await;
}
