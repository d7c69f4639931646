//! A registration can be retried.

use std::time::Duration;

use chrono::DateTime;
use futures_util::future::join_all;
use tonic::Code;
use uuid::Uuid;
use vestibule::domain::Clock;

use crate::harness::{Database, Fault, HashGate, PASSWORD, Plan, Server, email, eventually, scale};

on_both_databases!(
    a_retry_gets_the_same_user,
    two_at_once_with_one_id_make_one_user,
    an_id_belongs_to_one_registration,
    an_id_is_known_for_a_day,
    an_id_is_forgotten_after_a_day,
    a_disabled_users_retry_is_told_that_the_name_is_taken,
    a_retry_proves_itself_with_the_password,
    an_id_in_capitals_is_the_same_id,
    rest_takes_the_id_in_a_header,
);

fn id(number: u128) -> String {
    Uuid::from_u128(number).to_string()
}

/// (W18)
async fn a_retry_gets_the_same_user(app: Server) {
    let address = email();
    let first = app
        .grpc()
        .register_as(&address, PASSWORD, &id(1))
        .await
        .unwrap();
    for _ in 0..3 {
        let again = app
            .grpc()
            .register_as(&address, PASSWORD, &id(1))
            .await
            .unwrap();
        assert_eq!(again, first);
    }
    assert_eq!(app.store.rows("users").await, 1);
}

/// (W18) 8 at once in CI, 50 for the scorecard: one row, all of them OK.
async fn two_at_once_with_one_id_make_one_user(app: Server) {
    let address = email();
    let tries = (0..scale(8, 50)).map(|_| {
        let (client, address) = (app.another_grpc(), address.clone());
        async move {
            client
                .register_as(&address, PASSWORD, &id(2))
                .await
                .unwrap()
                .id
        }
    });
    let mut ids = join_all(tries).await;
    ids.dedup();
    assert_eq!(ids.len(), 1);
    assert_eq!(app.store.rows("users").await, 1);
}

async fn an_id_belongs_to_one_registration(app: Server) {
    let (one, two) = (email(), email());
    app.grpc()
        .register_as(&one, PASSWORD, &id(3))
        .await
        .unwrap();
    app.grpc().register(&two, PASSWORD).await.unwrap();
    for (address, request_id, reason) in [
        (email(), id(3), "REQUEST_ID_REUSED"),
        (two, id(3), "EMAIL_TAKEN"),
        (one.clone(), id(4), "EMAIL_TAKEN"),
        (one, String::new(), "EMAIL_TAKEN"),
    ] {
        let fault = Fault::from(
            app.grpc()
                .register_as(&address, PASSWORD, &request_id)
                .await,
        );
        assert_eq!(fault.meaning(), (Code::AlreadyExists, reason));
    }
}

async fn an_id_is_known_for_a_day(database: Database) {
    let clock = Clock::manual(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
    let moved = clock.clone();
    let plan: Plan = Server::on(database).await;
    let app = plan.hooks(|hooks| hooks.clock = Some(moved)).start().await;
    let address = email();
    app.grpc()
        .register_as(&address, PASSWORD, &id(5))
        .await
        .unwrap();
    clock.advance(Duration::from_hours(24) - Duration::from_micros(1));
    app.grpc()
        .register_as(&address, PASSWORD, &id(5))
        .await
        .unwrap();
    clock.advance(Duration::from_micros(1));
    let fault = Fault::from(app.grpc().register_as(&address, PASSWORD, &id(5)).await);
    assert_eq!(fault.reason, "EMAIL_TAKEN");
}

/// (W18) The purge runs when the application starts, then hourly: an id that it has cleared may name
/// another registration; a younger one may not.
async fn an_id_is_forgotten_after_a_day(database: Database) {
    let clock = Clock::manual(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
    let at = |clock: &Clock| Some(clock.clone());
    let plan = Server::on(database).await;
    let app = plan.hooks(|hooks| hooks.clock = at(&clock)).start().await;
    let old = email();
    let first = app.grpc().register_as(&old, PASSWORD, &id(9)).await;
    let first = first.unwrap();
    clock.advance(Duration::from_hours(12));
    let young = app.grpc().register_as(&email(), PASSWORD, &id(10)).await;
    young.unwrap();
    clock.advance(Duration::from_hours(13));

    let plan = app.stop_and_plan().await;
    let app = plan.hooks(|hooks| hooks.clock = at(&clock)).start().await;
    eventually("the id is forgotten", async || {
        app.stored(&old).await.request_id.is_none()
    })
    .await;
    let other = app.grpc().register_as(&email(), PASSWORD, &id(9)).await;
    assert_ne!(other.unwrap().id, first.id);
    let fault = Fault::from(app.grpc().register_as(&email(), PASSWORD, &id(10)).await);
    assert_eq!(fault.reason, "REQUEST_ID_REUSED");
    assert!(app.grpc().is_valid(&old, PASSWORD).await);
}

/// Even with the right password: who is disabled is nobody's business.
async fn a_disabled_users_retry_is_told_that_the_name_is_taken(app: Server) {
    let address = email();
    let user = app.grpc().register_as(&address, PASSWORD, &id(11)).await;
    app.disable(&user.unwrap().id).await;
    let fault = Fault::from(app.grpc().register_as(&address, PASSWORD, &id(11)).await);
    assert_eq!(fault.reason, "EMAIL_TAKEN");
}

/// Whoever learned an id cannot learn with it whether a password is right without paying for a
/// hash, and gets no user with a wrong one.
async fn a_retry_proves_itself_with_the_password(database: Database) {
    let gate = HashGate::opened();
    let app = Server::on(database).await.hash_gate(&gate).start().await;
    let address = email();
    app.grpc()
        .register_as(&address, PASSWORD, &id(6))
        .await
        .unwrap();
    let before = gate.started();
    let fault = Fault::from(
        app.grpc()
            .register_as(&address, "a canary sings at ten", &id(6))
            .await,
    );
    assert_eq!(fault.meaning(), (Code::AlreadyExists, "REQUEST_ID_REUSED"));
    assert_eq!(
        gate.started() - before,
        2,
        "the new hash and the verification"
    );
    assert!(app.grpc().is_valid(&address, PASSWORD).await);
}

async fn an_id_in_capitals_is_the_same_id(app: Server) {
    let (address, lower) = (email(), "018c2e65-4b7e-7cc3-98c4-dc0c0c07398f");
    let first = app
        .grpc()
        .register_as(&address, PASSWORD, lower)
        .await
        .unwrap();
    let again = app
        .grpc()
        .register_as(&address, PASSWORD, &lower.to_uppercase())
        .await
        .unwrap();
    assert_eq!(first, again);
}

async fn rest_takes_the_id_in_a_header(app: Server) {
    let address = email();
    let first = app
        .grpc()
        .register_as(&address, PASSWORD, &id(7))
        .await
        .unwrap();
    let body = serde_json::json!({"email": address, "password": PASSWORD}).to_string();
    let request = || {
        app.rest()
            .request("POST", "/users")
            .header("content-type", "application/json")
    };
    let again = app
        .rest()
        .send(request().header("idempotency-key", id(7)), body.clone())
        .await;
    assert_eq!(
        (again.status.as_u16(), again.json()["id"].as_str()),
        (201, Some(first.id.as_str()))
    );
    let other = app
        .rest()
        .send(request().header("idempotency-key", id(8)), body.clone())
        .await;
    assert_eq!(other.reason(), "EMAIL_TAKEN");
    for bad in ["", "x", "{018c2e65-4b7e-7cc3-98c4-dc0c0c07398f}"] {
        let reply = app
            .rest()
            .send(request().header("idempotency-key", bad), body.clone())
            .await;
        assert_eq!(
            reply.faults(),
            [("Idempotency-Key".to_owned(), "INVALID_FIELD".to_owned())],
            "{bad:?}"
        );
    }
}
