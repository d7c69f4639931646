//! One error table for both protocols: the same input means the same through gRPC and through REST.

use std::time::Duration;

use futures_util::future::select;
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};
use tonic::Code;

use crate::harness::{
    Database, Fault, HashGate, PASSWORD, Reply, Server, email, figure, phrase, scale,
};

on_both_databases!(
    the_same_input_means_the_same_through_both_protocols,
    whatever_is_sent_means_the_same_through_both_protocols,
    overload_and_deadline_mean_the_same_through_both_protocols,
);

/// api.md's table, from the left column to the right.
fn http_of(fault: &Fault) -> u16 {
    match fault.meaning() {
        (Code::InvalidArgument, "INVALID_INPUT" | "MALFORMED_REQUEST") => 400,
        (Code::ResourceExhausted, "MESSAGE_TOO_LARGE") => 413,
        (Code::AlreadyExists, "EMAIL_TAKEN" | "REQUEST_ID_REUSED") => 409,
        (Code::Unauthenticated, "BAD_CREDENTIALS" | "SESSION_INVALID") => 401,
        (Code::Unavailable, "OVERLOADED" | "UNAVAILABLE") => 503,
        (Code::DeadlineExceeded, "DEADLINE_EXCEEDED") => 504,
        (Code::Internal, "INTERNAL") => 500,
        other => panic!("{other:?} is not in the table"),
    }
}

/// Registers through REST, the request id in its header.
async fn through_rest(app: &Server, email: &str, password: &str, request_id: &str) -> Reply {
    let body = serde_json::json!({"email": email, "password": password});
    let mut request = app
        .rest()
        .request("POST", "/users")
        .header("content-type", "application/json");
    if !request_id.is_empty() {
        request = request.header("idempotency-key", request_id);
    }
    app.rest().send(request, body.to_string()).await
}

/// The same fault, told twice. The id of a registration has its own name in each protocol.
fn assert_same(fault: &Fault, reply: &Reply, input: &str) {
    assert_eq!(reply.reason(), fault.reason, "{input}");
    assert_eq!(reply.status.as_u16(), http_of(fault), "{input}");
    let told = reply
        .faults()
        .into_iter()
        .map(|(field, reason)| match field.as_str() {
            "Idempotency-Key" => ("request_id".to_owned(), reason),
            _ => (field, reason),
        });
    assert_eq!(told.collect::<Vec<_>>(), fault.violations, "{input}");
}

/// (W26) (W10) Every row that a registration can reach by its input.
async fn the_same_input_means_the_same_through_both_protocols(app: Server) {
    let taken = app.grpc().registered().await.email;
    let (id, other) = ("018c2e65-4b7e-7cc3-98c4-dc0c0c07398f", email());
    app.grpc().register_as(&other, PASSWORD, id).await.unwrap();
    let fresh = email();
    for (email, password, request_id, reason) in [
        ("", PASSWORD, "", "INVALID_INPUT"),
        ("nobody", PASSWORD, "", "INVALID_INPUT"),
        (
            &format!("{}@example.com", "x".repeat(65)),
            PASSWORD,
            "",
            "INVALID_INPUT",
        ),
        ("a@b", PASSWORD, "", "INVALID_INPUT"),
        (" ada@example.com", PASSWORD, "", "INVALID_INPUT"),
        (&fresh, "", "", "INVALID_INPUT"),
        (&fresh, "short", "", "INVALID_INPUT"),
        (&fresh, "password1", "", "INVALID_INPUT"),
        (&fresh, &"x".repeat(129), "", "INVALID_INPUT"),
        (&fresh, "nul\0inside", "", "INVALID_INPUT"),
        (&fresh, PASSWORD, "not-a-uuid", "INVALID_INPUT"),
        ("", "", "not-a-uuid", "INVALID_INPUT"),
        (&taken, PASSWORD, "", "EMAIL_TAKEN"),
        (&taken, PASSWORD, id, "EMAIL_TAKEN"),
        (&fresh, PASSWORD, id, "REQUEST_ID_REUSED"),
        (&other, "a canary sings at ten", id, "REQUEST_ID_REUSED"),
    ] {
        let fault = Fault::from(app.grpc().register_as(email, password, request_id).await);
        assert_eq!(
            fault.reason, reason,
            "{email:?} {password:?} {request_id:?}"
        );
        let reply = through_rest(&app, email, password, request_id).await;
        assert_same(
            &fault,
            &reply,
            &format!("{email:?} {password:?} {request_id:?}"),
        );
    }
}

/// (W26) 150 random registrations in CI, 10,000 for the scorecard.
async fn whatever_is_sent_means_the_same_through_both_protocols(app: Server) {
    let mut runner = TestRunner::new_with_rng(
        ProptestConfig::default(),
        TestRng::deterministic_rng(RngAlgorithm::ChaCha),
    );
    let address = prop_oneof![
        ".{0,20}",
        "[a-z.@ü]{0,12}@[a-z.]{1,9}",
        "[a-z]{9}@[a-z]{4}\\.[a-z]{3}"
    ];
    let secret = prop_oneof![".{0,12}", "[a-z]{0,9}", "\\PC{0,140}"];
    let count = scale(150, 10_000);
    let mut accepted = 0;
    for _ in 0..count {
        let email = address.new_tree(&mut runner).unwrap().current();
        let password = secret.new_tree(&mut runner).unwrap().current();
        let outcome = app.grpc().register(&email, &password).await;
        let reply = through_rest(&app, &email, &password, "").await;
        match outcome {
            // Now it is taken, and only whoever reads the same address can find that.
            Ok(_) => {
                accepted += 1;
                assert_eq!(reply.reason(), "EMAIL_TAKEN", "{email:?} {password:?}");
            }
            Err(status) => assert_same(
                &Fault::of(&status),
                &reply,
                &format!("{email:?} {password:?}"),
            ),
        }
    }
    figure(
        "W26",
        format_args!("{count} inputs, {accepted} accepted, 0 differences"),
    );
}

/// (W26) (W17) What the system says of itself.
async fn overload_and_deadline_mean_the_same_through_both_protocols(database: Database) {
    let gate = HashGate::closed();
    let plan = Server::on(database).await.hash_gate(&gate);
    let app = plan
        .settings(|settings| {
            settings.hashing.workers = 1;
            settings.hashing.queue = 1;
            settings.server.request_timeout = Duration::from_secs(1);
        })
        .start()
        .await;
    let register = || {
        let client = app.grpc();
        tokio::spawn(async move { client.register(&email(), &phrase()).await })
    };
    let running = register();
    gate.await_held(1).await;
    // One of these waits, the other is refused; then the place is taken.
    let (one, two) = (register(), register());
    let (refused, waits) = select(one, two).await.factor_first();
    let overloaded = Fault::from(refused.unwrap());
    let reply = through_rest(&app, &email(), PASSWORD, "").await;
    assert_same(&overloaded, &reply, "overload");
    assert_eq!(overloaded.reason, "OVERLOADED");
    assert!(reply.header("retry-after").parse::<u64>().unwrap() >= 1);

    let late = Fault::from(running.await.unwrap());
    assert_eq!(
        late.meaning(),
        (Code::DeadlineExceeded, "DEADLINE_EXCEEDED")
    );
    assert_eq!(
        Fault::from(waits.await.unwrap()).reason,
        "DEADLINE_EXCEEDED"
    );
    let reply = through_rest(&app, &email(), PASSWORD, "").await;
    assert_same(&late, &reply, "deadline");
}
