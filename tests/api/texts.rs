//! The texts of errors, for people who are not the operator.

use std::{collections::BTreeSet, time::Duration};

use futures_util::{future::join_all, join};
use tonic::Code;

use crate::harness::{
    Database, Fault, HandlerGate, HashGate, NOT_SERVING, PASSWORD, Reply, Server, Store, email,
    figure, frame, scale,
};

on_both_databases!(no_text_of_an_error_tells_of_the_inside);

/// What was answered; the harness looks through each text as it decodes it.
#[derive(Default)]
struct Heard {
    count: usize,
    reasons: BTreeSet<String>,
}

impl Heard {
    fn fault(&mut self, fault: &Fault) {
        self.text(&fault.reason, &fault.message);
    }

    fn reply(&mut self, reply: &Reply) {
        let problem = reply.json();
        for part in ["title", "detail", "message"] {
            self.text(&reply.reason(), problem[part].as_str().unwrap());
        }
    }

    /// Only what a caller may count, such as the length of a password, is told in numbers.
    fn text(&mut self, reason: &str, text: &str) {
        // Those of the system's own faults end with the id of the call.
        let (text, _) = text.split_once(" (request ").unwrap_or((text, ""));
        let counts = text.chars().any(|c| c.is_ascii_digit());
        assert!(reason == "INVALID_INPUT" || !counts, "{reason}: {text}");
        assert!(!text.contains(['/', '\\', '{', '<', '\n']), "{text}");
        assert!(text.chars().count() <= 200, "{text}");
        self.count += 1;
        self.reasons.insert(reason.to_owned());
    }
}

/// (L3) Every error path of both protocols, 2 rounds in CI, 16 for the scorecard (over 500 texts):
/// no SQL, host, path, crate or count. Among them statements that fail with the database's own
/// words, panics, a full queue, a passed deadline and a lost database.
async fn no_text_of_an_error_tells_of_the_inside(database: Database) {
    let mut heard = Heard::default();
    for _ in 0..scale(2, 16) {
        refuse_bad_input(&mut heard, &Server::start(database).await).await;
        refuse_for_want_of_capacity(&mut heard, database).await;
        fail_inside(&mut heard, database).await;
    }
    let expected = [
        "BAD_CREDENTIALS",
        "DEADLINE_EXCEEDED",
        "EMAIL_TAKEN",
        "INTERNAL",
        "INVALID_INPUT",
        "MALFORMED_REQUEST",
        "MESSAGE_TOO_LARGE",
        "OVERLOADED",
        "REQUEST_ID_REUSED",
        "SESSION_INVALID",
        "UNAVAILABLE",
        "UNSUPPORTED",
        "USER_NOT_FOUND",
    ];
    assert_eq!(heard.reasons, expected.map(str::to_owned).into());
    figure(
        "L3",
        format_args!("{database:?}: {} texts, 0 hits", heard.count),
    );
}

async fn refuse_bad_input(heard: &mut Heard, app: &Server) {
    let (client, rest) = (app.grpc(), app.rest());
    let user = client.registered().await;
    let own = uuid::Uuid::from_u128(7).to_string();
    let kept = email();
    client.register_as(&kept, PASSWORD, &own).await.unwrap();
    for outcome in [
        client.register("'; SELECT 1 --", "short").await,
        client.register(&user.email, PASSWORD).await,
        client.register_as(&email(), PASSWORD, "7").await,
        client.register_as(&email(), PASSWORD, &own).await,
        client.register(&email(), "x\0").await,
        client.register(&email(), &"x".repeat(2_000)).await,
    ] {
        heard.fault(&Fault::from(outcome));
    }
    heard.fault(&Fault::from(client.open(&user.email, "x").await));
    heard.fault(&Fault::from(client.open(&email(), PASSWORD).await));
    heard.fault(&Fault::from(client.validate("").await));
    heard.fault(&Fault::from(client.revoke(&"x".repeat(513)).await));
    for (method, message) in [
        ("RegisterUser", vec![0xFF; 9]),
        ("RegisterUser", vec![b'x'; 70_000]),
        ("NoSuchMethod", vec![]),
    ] {
        let reply = app.wire().call(method, &message).await;
        heard.fault(&Fault::of(&reply.grpc_status()));
    }
    let wire = app.wire();
    let long = wire.request("/vestibule.v1.AuthService/ValidLogin");
    let long = long.header("x-long", "x".repeat(20_000));
    let reply = wire.send(long, frame(&[])).await;
    heard.fault(&Fault::of(&reply.grpc_status()));

    let json = "application/json";
    for (kind, body) in [
        (json, "{".to_owned()),
        (json, r#"{"email":1,"SELECT":2}"#.into()),
        (json, "x".repeat(20_000)),
        ("text/sql", "DROP TABLE users".into()),
        ("application/x-www-form-urlencoded", "email=%FF".into()),
    ] {
        heard.reply(&rest.post("/users", kind, body).await);
    }
    let token = client.open(&user.email, PASSWORD).await.unwrap();
    heard.reply(&rest.register(&user.email, PASSWORD).await);
    heard.reply(&rest.get("/etc/passwd").await);
    heard.reply(&rest.get("/users/me").await);
    heard.reply(&rest.get_as(&token.session_token, "/users/7").await);
    heard.reply(&rest.send(rest.request("DELETE", "/users"), "").await);
}

/// One hash runs and does not end, one may wait behind it, and the others are too many.
async fn refuse_for_want_of_capacity(heard: &mut Heard, database: Database) {
    let gate = HashGate::closed();
    let plan = Server::on(database).await.hash_gate(&gate);
    let plan = plan.settings(|settings| {
        settings.server.request_timeout = Duration::from_millis(200);
        settings.hashing.workers = 1;
        settings.hashing.queue = 1;
    });
    let app = plan.start().await;
    let late = Fault::from(app.grpc().register(&email(), PASSWORD).await);
    assert_eq!(late.reason, "DEADLINE_EXCEEDED");
    heard.fault(&late);
    let (grpc, rest) = (app.grpc(), app.rest());
    let address = email();
    let (calls, posts) = join!(
        join_all((0..3).map(|_| grpc.register(&address, PASSWORD))),
        join_all((0..3).map(|_| rest.register(&address, PASSWORD))),
    );
    for outcome in calls {
        heard.fault(&Fault::from(outcome));
    }
    for reply in posts {
        heard.reply(&reply);
    }
    gate.open();
}

/// Statements that cannot work, with the database's own words in the log alone; then no database.
async fn fail_inside(heard: &mut Heard, database: Database) {
    let gate = HandlerGate::default();
    let app = Server::on(database).await.handler_gate(&gate).start().await;
    gate.break_next("/vestibule.v1.AuthService/ValidLogin");
    heard.fault(&Fault::from(app.grpc().login(&email(), PASSWORD).await));
    let token = app.grpc().registered().await;
    let token = app.grpc().open(&token.email, PASSWORD).await.unwrap();
    let token = token.session_token;

    hide(&app.store, "users").await;
    every_call_fails(heard, &app, &token, (Code::Internal, "INTERNAL")).await;
    hide(&app.store, "seaql_migrations").await;
    app.health().await_status("", NOT_SERVING).await;
    every_call_fails(heard, &app, &token, (Code::Unavailable, "UNAVAILABLE")).await;
}

async fn hide(store: &Store, table: &str) {
    let statement = format!("ALTER TABLE {table} RENAME TO hidden_{table}");
    store.execute(&statement).await;
}

async fn every_call_fails(heard: &mut Heard, app: &Server, token: &str, meaning: (Code, &str)) {
    let client = app.grpc();
    for fault in [
        Fault::from(client.register(&email(), PASSWORD).await),
        Fault::from(client.login(&email(), PASSWORD).await),
        Fault::from(client.open(&email(), PASSWORD).await),
        Fault::from(client.validate(token).await),
        Fault::from(client.revoke(token).await),
    ] {
        assert_eq!(fault.meaning(), meaning, "{fault:?}");
        heard.fault(&fault);
    }
    for reply in [
        app.rest().register(&email(), PASSWORD).await,
        app.rest().get_as(token, "/users/me").await,
    ] {
        assert_eq!(reply.reason(), meaning.1);
        heard.reply(&reply);
    }
}
