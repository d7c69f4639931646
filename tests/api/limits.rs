//! What is over a limit is refused before it costs anything.

use std::time::{Duration, Instant};

use bytes::{BufMut, BytesMut};
use prost::Message;
use vestibule::proto::v1::RegisterUserRequest;

use crate::harness::{Database, Fault, HashGate, PASSWORD, Server, assert_within, email, figure};

on_both_databases!(what_is_over_a_limit_costs_nothing,);

/// (I3) (W20) One byte over each limit, and far beyond: refused before any hash, each in a few
/// milliseconds at the median.
async fn what_is_over_a_limit_costs_nothing(database: Database) {
    let gate = HashGate::opened();
    let app = Server::on(database).await.hash_gate(&gate).start().await;
    let register = |email: String, password: String| {
        RegisterUserRequest {
            email,
            password,
            ..RegisterUserRequest::default()
        }
        .encode_to_vec()
    };
    let long_address = format!(
        "{}@{}.example",
        "x".repeat(64),
        ["y".repeat(60).as_str(); 4].join(".")
    );
    let mut times = Vec::new();
    for (message, reason) in [
        (register(long_address, PASSWORD.into()), "INVALID_INPUT"),
        (register(email(), "x".repeat(129)), "INVALID_INPUT"),
        (register(email(), "x".repeat(1_025)), "INVALID_INPUT"),
        (register(email(), "x".repeat(60_000)), "INVALID_INPUT"),
        (
            register(email(), "x".repeat(64 * 1024)),
            "MESSAGE_TOO_LARGE",
        ),
        (
            register(email(), "x".repeat(1024 * 1024)),
            "MESSAGE_TOO_LARGE",
        ),
        // Groups within groups, 10,000 deep.
        ([0x4B; 10_000].to_vec(), "MALFORMED_REQUEST"),
    ] {
        let start = Instant::now();
        let reply = app.wire().call("RegisterUser", &message).await;
        times.push(start.elapsed());
        assert_eq!(
            Fault::of(&reply.grpc_status()).reason,
            reason,
            "{} bytes",
            message.len()
        );
    }
    let wire = app.wire();
    // Four gigabytes announced, nothing sent.
    let mut announced = BytesMut::new();
    announced.put_u8(0);
    announced.put_u32(u32::MAX);
    let reply = app
        .wire()
        .send(
            wire.request("/vestibule.v1.AuthService/ValidLogin"),
            announced.freeze(),
        )
        .await;
    assert_eq!(Fault::of(&reply.grpc_status()).reason, "MESSAGE_TOO_LARGE");

    let nested = format!(r#"{{"email":{}1{}}}"#, "[".repeat(7_000), "]".repeat(7_000));
    for (body, status) in [
        (nested, 400),
        (" ".repeat(16 * 1024 + 1), 413),
        (
            serde_json::json!({"email": email(), "password": "x".repeat(1024 * 1024)}).to_string(),
            413,
        ),
    ] {
        let start = Instant::now();
        let reply = app.rest().post("/users", "application/json", body).await;
        times.push(start.elapsed());
        assert_eq!(reply.status.as_u16(), status);
        reply.reason();
    }
    times.sort();
    let median = times[times.len() / 2];
    figure(
        "I3",
        format_args!(
            "refused in {median:?}, at most {:?}; {} hashes",
            times[times.len() - 1],
            gate.started()
        ),
    );
    assert_within(median, Duration::from_millis(50));
    assert_eq!(gate.started(), 0);
    assert_eq!(app.store.rows("users").await, 0);
}
