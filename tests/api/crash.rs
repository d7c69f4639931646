//! The process dies without a word, again and again, while people register.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use tonic::Status;
use uuid::Uuid;

use crate::harness::{
    Client, Database, Fault, PASSWORD, ServerProcess, Store, assert_within, email, eventually,
    figure, scale,
};

on_both_databases!(what_was_acknowledged_survives_every_kill);

/// How many register at the same time.
const CALLERS: usize = 8;
/// A start after a crash takes less, log recovery included.
const READY_LIMIT: Duration = Duration::from_secs(2);

/// Somebody whose registration was acknowledged.
struct Acknowledged {
    id: String,
    email: String,
    request_id: String,
}

/// (C1) kill -9 of the real binary: 4 times during 96 registrations in CI, 50 times during 10,000
/// for the scorecard. Everybody retries with the same `request_id` until OK, and afterwards everybody
/// can log in; each eighth retries once more.
async fn what_was_acknowledged_survives_every_kill(database: Database) {
    let (kills, per_kill) = (scale(4, 50), scale(24, 200));
    let store = Store::empty(database).await;
    let mut service = ServerProcess::start(&store, &[], &[]);
    service.await_ready().await;

    let acknowledged = Arc::new(AtomicUsize::new(0));
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (client, acknowledged) = (service.grpc(), Arc::clone(&acknowledged));
            tokio::spawn(async move {
                let mut people = Vec::new();
                while people.len() < kills * per_kill / CALLERS {
                    people.push(register_whatever_happens(&client).await);
                    acknowledged.fetch_add(1, Ordering::Relaxed);
                }
                people
            })
        })
        .collect();

    let mut longest = Duration::ZERO;
    for turn in 0..kills {
        // Not at the ends of the turns: in the middle of the calls.
        let target = turn * per_kill + per_kill / 3;
        eventually("some are registered", async || {
            acknowledged.load(Ordering::Relaxed) >= target
        })
        .await;
        service.crash_and_start_again().await;
        let begun = Instant::now();
        service.await_ready().await;
        longest = longest.max(begun.elapsed());
    }
    let people: Vec<Acknowledged> = join_all(callers)
        .await
        .into_iter()
        .flat_map(Result::unwrap)
        .collect();
    service.crash_and_start_again().await;
    service.await_ready().await;

    assert_eq!(people.len(), kills * per_kill);
    assert_eq!(store.rows("users").await, people.len(), "one row each");
    let client = service.grpc();
    for chunk in people.chunks(CALLERS) {
        retry(&client, &chunk[0]).await;
        join_all(chunk.iter().map(|person| log_in(&client, person))).await;
    }
    assert_within(longest, READY_LIMIT);
    figure(
        "C1",
        format_args!(
            "{database:?}: {kills} kills, {} registrations acknowledged, 0 lost, 0 twice, ready after {longest:?} at most",
            people.len()
        ),
    );
}

async fn register_whatever_happens(client: &Client) -> Acknowledged {
    let (email, request_id) = (email(), request_id());
    let id = OnceLock::new();
    eventually("the registration is acknowledged", async || {
        match client.register_as(&email, PASSWORD, &request_id).await {
            Ok(user) => id.set(user.id).is_ok(),
            Err(status) => {
                assert!(is_worth_a_retry(&status), "{status:?}");
                false
            }
        }
    })
    .await;
    Acknowledged {
        id: id.into_inner().unwrap(),
        email,
        request_id,
    }
}

/// Nobody answered, or the service said that it cannot yet. A retry that is told `EMAIL_TAKEN` has
/// met its own earlier try.
fn is_worth_a_retry(status: &Status) -> bool {
    status.details().is_empty()
        || ["UNAVAILABLE", "OVERLOADED"].contains(&Fault::of(status).reason.as_str())
}

async fn log_in(client: &Client, person: &Acknowledged) {
    eventually("the login is answered", async || {
        match client.login(&person.email, PASSWORD).await {
            Ok(answer) => {
                assert!(answer.valid);
                true
            }
            Err(status) => {
                assert!(is_worth_a_retry(&status), "{status:?}");
                false
            }
        }
    })
    .await;
}

async fn retry(client: &Client, person: &Acknowledged) {
    let again = client.register_as(&person.email, PASSWORD, &person.request_id);
    assert_eq!(again.await.unwrap().id, person.id);
}

fn request_id() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    Uuid::from_u128(NEXT.fetch_add(1, Ordering::Relaxed) as u128).to_string()
}
