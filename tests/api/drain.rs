//! The way down: callers are told, what runs is finished, and nothing holds the end.

use std::time::Duration;

use tokio::{net::TcpStream, time::Instant};
use tonic::Code;
use vestibule::server::Stop;

use crate::harness::{
    Database, Fault, HandlerGate, HashGate, NOT_SERVING, PASSWORD, RawConnection, Server,
    assert_within, email, eventually, figure, h2_greeting, scale, within,
};

on_both_databases!(
    calls_are_served_as_before_while_callers_are_told_to_leave,
    an_interrupt_drains_without_delay,
    calls_in_flight_finish_and_silent_clients_hold_nothing,
    an_open_watch_and_stuck_calls_are_cut_when_the_grace_is_over,
);

const SERVICE: &str = "vestibule.v1.AuthService";
const VALIDATE: &str = "/vestibule.v1.AuthService/ValidateSession";
/// Longer than any test: what happens meanwhile happens during it.
const FOR_EVER: Duration = Duration::from_mins(10);

/// (X8) (W41) By both protocols, on old connections and new ones.
async fn calls_are_served_as_before_while_callers_are_told_to_leave(database: Database) {
    let plan = Server::on(database).await;
    let mut app = plan
        .settings(|settings| settings.server.drain_delay = FOR_EVER)
        .start()
        .await;
    let user = app.grpc().registered().await;
    app.ask_to_stop(Stop::Terminate);
    app.health().await_status("", NOT_SERVING).await;
    assert_eq!(app.health().check(SERVICE).await, Ok(NOT_SERVING));
    assert_eq!(app.readiness().await, (503, "draining".to_owned()));
    assert!(app.is_live().await);
    for client in [app.grpc(), app.another_grpc()] {
        assert!(client.is_valid(&user.email, PASSWORD).await);
        client.registered().await;
    }
    let reply = app.rest().register(&email(), PASSWORD).await;
    assert_eq!(reply.status, 201);
}

/// Somebody at the keyboard waits.
async fn an_interrupt_drains_without_delay(database: Database) {
    let plan = Server::on(database).await;
    let app = plan
        .settings(|settings| settings.server.drain_delay = FOR_EVER)
        .start()
        .await;
    app.grpc().registered().await;
    let ended = app.stop(Stop::Interrupt);
    within(Duration::from_secs(10), "the end", ended).await;
}

/// (X8) 40 calls and 10 silent clients in CI, 100 calls for the scorecard; the listeners are closed
/// while the calls finish, and probes are answered.
async fn calls_in_flight_finish_and_silent_clients_hold_nothing(database: Database) {
    let (delay, grace) = (Duration::from_millis(200), Duration::from_secs(10));
    let gate = HandlerGate::before(VALIDATE).and("GET /users/me");
    let plan = Server::on(database).await.handler_gate(&gate);
    let mut app = plan
        .settings(|settings| {
            settings.server.drain_delay = delay;
            settings.server.grace = grace;
        })
        .start()
        .await;
    let user = app.grpc().registered().await;
    let token = app
        .grpc()
        .open(&user.email, PASSWORD)
        .await
        .unwrap()
        .session_token;
    let count = scale(40, 100);
    let calls: Vec<_> = (0..count)
        .map(|n| {
            let client = if n % 2 == 0 {
                app.grpc()
            } else {
                app.another_grpc()
            };
            let token = token.clone();
            tokio::spawn(async move { client.validate(&token).await })
        })
        .collect();
    let rest = tokio::spawn({
        let (rest, token) = (app.rest(), token.clone());
        async move { rest.get_as(&token, "/users/me").await }
    });
    gate.await_arrived(VALIDATE, count).await;
    gate.await_arrived("GET /users/me", 1).await;
    let silent = silent_clients(&app).await;
    let mut watch = app.health().watch("").await;

    let start = Instant::now();
    app.ask_to_stop(Stop::Terminate);
    while watch.message().await.unwrap().is_some() {}
    for address in [app.grpc_address, app.rest_address] {
        eventually("the listener closes", async || {
            TcpStream::connect(address).await.is_err()
        })
        .await;
    }
    assert!(app.is_live().await);
    assert_eq!(app.readiness().await, (503, "draining".to_owned()));
    gate.open();
    for call in calls {
        assert!(call.await.unwrap().unwrap().session.is_some());
    }
    assert_eq!(rest.await.unwrap().status, 200);
    app.ended().await;
    let took = start.elapsed();
    assert_within(took, delay + grace + Duration::from_secs(2));
    for mut connection in silent {
        connection.read_to_end().await;
    }
    figure(
        "X8",
        format_args!("{count} in flight, 0 failed, ended in {took:?}"),
    );
}

/// Clients that never say anything, or never anything whole.
async fn silent_clients(app: &Server) -> Vec<RawConnection> {
    let mut silent = Vec::new();
    for _ in 0..3 {
        silent.push(app.raw_grpc().await);
        silent.push(app.raw_rest().await);
    }
    for (bytes, is_grpc) in [
        (b"PRI * HTTP/2.0\r\n".to_vec(), true),
        (h2_greeting(), true),
        (b"GET / HTTP/1.1\r\nHost:".to_vec(), false),
    ] {
        let mut connection = if is_grpc {
            app.raw_grpc().await
        } else {
            app.raw_rest().await
        };
        connection.write(&bytes).await;
        silent.push(connection);
    }
    silent
}

/// (W42) Stuck in a handler, in REST and in the hashing thread.
async fn an_open_watch_and_stuck_calls_are_cut_when_the_grace_is_over(database: Database) {
    let (delay, grace) = (Duration::from_millis(200), Duration::from_millis(500));
    let gate = HandlerGate::before(VALIDATE).and("GET /");
    let hashes = HashGate::opened();
    let plan = Server::on(database)
        .await
        .handler_gate(&gate)
        .hash_gate(&hashes);
    let mut app = plan
        .settings(|settings| {
            settings.server.drain_delay = delay;
            settings.server.grace = grace;
        })
        .start()
        .await;
    let user = app.grpc().registered().await;
    hashes.close();
    let client = app.grpc();
    let call = tokio::spawn(async move { client.validate("a token").await });
    let client = app.grpc();
    let login = tokio::spawn(async move { client.open(&user.email, PASSWORD).await });
    let rest = app.rest();
    let welcome = tokio::spawn(async move { rest.get("/").await });
    gate.await_arrived(VALIDATE, 1).await;
    gate.await_arrived("GET /", 1).await;
    hashes.await_held(1).await;
    let mut watch = app.health().watch("").await;

    let start = Instant::now();
    app.ask_to_stop(Stop::Terminate);
    app.ended().await;
    let took = start.elapsed();
    assert_within(took, delay + grace + Duration::from_secs(2));
    while watch.message().await.unwrap().is_some() {}
    let stuck = [
        Fault::from(call.await.unwrap()),
        Fault::from(login.await.unwrap()),
    ];
    for fault in stuck {
        assert_eq!(fault.meaning(), (Code::Unavailable, "UNAVAILABLE"));
    }
    assert_eq!(welcome.await.unwrap().reason(), "UNAVAILABLE");
    figure("W42", format_args!("ended in {took:?}"));
}
