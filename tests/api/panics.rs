//! Work that panics: one call fails, and whatever it held is given back.

use tonic::Code;

use crate::{
    harness::{
        Database, Fault, HandlerGate, HashGate, PASSWORD, SERVING, Server, email, eventually, frame,
    },
    overload::{WORKERS, gated, hold_every_worker},
};

on_both_databases!(
    a_hash_that_breaks_fails_one_call_of_any_kind_and_costs_no_worker,
    a_rehash_that_breaks_fails_no_login,
    a_probe_that_breaks_fails_alone,
);

/// (C5) The caller is told the id of its call and nothing else.
async fn a_hash_that_breaks_fails_one_call_of_any_kind_and_costs_no_worker(database: Database) {
    let gate = HashGate::opened();
    let app = gated(database, &gate).await.start().await;
    let user = app.grpc().registered().await;
    let address = email();
    let client = app.grpc();
    for round in 0..2 * WORKERS {
        gate.break_next(1);
        let fault = match round % 3 {
            0 => Fault::from(client.register(&address, PASSWORD).await),
            1 => Fault::from(client.open(&user.email, PASSWORD).await),
            _ => Fault::from(client.login(&user.email, PASSWORD).await),
        };
        assert_eq!(fault.meaning(), (Code::Internal, "INTERNAL"));
        assert!(fault.message.contains(fault.request_id.as_ref().unwrap()));
        assert!(fault.violations.is_empty() && fault.resource.is_none());
        assert_eq!(fault.retry_after, None);
        client.open(&user.email, PASSWORD).await.unwrap();
    }
    client.register(&address, PASSWORD).await.unwrap();

    let held = hold_every_worker(&app, &gate, &user.email).await;
    gate.open();
    for login in held {
        login.await.unwrap().unwrap();
    }
}

/// (C5) Nobody waits for it; the next login tries again.
async fn a_rehash_that_breaks_fails_no_login(app: Server) {
    let user = app.grpc().registered().await;
    let gate = HashGate::closed();
    let plan = app.stop_and_plan().await.hash_gate(&gate);
    let app = plan
        .settings(|settings| settings.hashing.memory_kib = 128)
        .start()
        .await;
    gate.let_pass(1);
    assert!(app.grpc().is_valid(&user.email, PASSWORD).await);
    gate.await_started(2).await;
    gate.break_next(1);
    gate.let_pass(1);
    eventually("the rehash breaks", async || gate.held() == 0).await;
    gate.open();
    eventually("the hash is rewritten", async || {
        assert!(app.grpc().is_valid(&user.email, PASSWORD).await);
        app.stored_hash(&user.email)
            .await
            .as_str()
            .contains("m=128,")
    })
    .await;
}

/// (C5) A call and a stream of a service that is not ours.
async fn a_probe_that_breaks_fails_alone(database: Database) {
    let gate = HandlerGate::default();
    let plan = Server::on(database).await.handler_gate(&gate);
    let app = plan.start().await;
    for method in ["Check", "Watch"] {
        let path = format!("/grpc.health.v1.Health/{method}");
        gate.break_next(&path);
        let request = app.wire().request(&path);
        let broken = app.wire().send(request, frame(&[])).await;
        let fault = Fault::of(&broken.grpc_status());
        assert_eq!(fault.meaning(), (Code::Internal, "INTERNAL"));
    }
    assert_eq!(app.health().check("").await, Ok(SERVING));
    app.health().await_serving("").await;
}
