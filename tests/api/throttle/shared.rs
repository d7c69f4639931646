//! The counts are the database's: replicas share them, a restart keeps them, and without it there is
//! no login.

use std::sync::Arc;

use tokio::task::JoinSet;
use vestibule::server::Stop;

use super::*;
use crate::harness::{Link, behind_proxy};

on_both_databases!(
    a_burst_over_three_replicas_exceeds_the_limit_by_less_than_their_number,
    a_restart_keeps_the_failures,
    counts_that_no_decision_needs_are_purged,
    no_time_opens_an_account_that_had_all_its_failures,
);

/// (T2) 200 wrong passwords at once.
async fn a_burst_over_three_replicas_exceeds_the_limit_by_less_than_their_number(
    database: Database,
) {
    let gate = HashGate::opened();
    let one = Server::on(database).await.hash_gate(&gate).start().await;
    let another = || Plan::over(Arc::clone(&one.store)).hash_gate(&gate);
    let (two, three) = (another().start().await, another().start().await);
    let user = one.grpc().registered().await;
    let before = gate.started();
    let mut burst = JoinSet::new();
    for number in 0..200 {
        let replica = [&one, &two, &three][number % 3];
        let (client, address) = (replica.grpc(), user.email.clone());
        burst.spawn(async move { tries(&client, &address, WRONG, "").await });
    }
    for outcome in burst.join_all().await {
        match outcome {
            Ok(is_valid) => assert!(!is_valid),
            refused => drop(throttled(refused)),
        }
    }
    let hashed = gate.started() - before;
    figure(
        "T2",
        format_args!("{hashed} of 200 wrong passwords were hashed by 3 replicas"),
    );
    assert!((5..8).contains(&hashed), "{hashed}");
}

/// (C3)
async fn a_restart_keeps_the_failures(database: Database) {
    let app = Server::start(database).await;
    let user = app.grpc().registered().await;
    for _ in 0..12 {
        app.store
            .execute("UPDATE throttles SET failed_at = 1")
            .await;
        assert_eq!(tries(&app.grpc(), &user.email, WRONG, "").await, Ok(false));
    }
    let store = Arc::clone(&app.store);
    app.stop(Stop::Interrupt).await;
    let app = Plan::over(store).start().await;
    let wait = throttled(tries(&app.grpc(), &user.email, PASSWORD, "").await);
    assert!(wait > Duration::from_secs(100), "{wait:?}");
}

async fn counts_that_no_decision_needs_are_purged(database: Database) {
    const DAY: u64 = 24 * 3_600;
    let guarded = Guarded::on(database).await;
    let user = guarded.app.grpc().registered().await;
    let from = "192.0.2.7";
    assert_eq!(
        tries(&guarded.app.grpc(), &email(), WRONG, from).await,
        Ok(false)
    );
    assert_eq!(
        tries(&guarded.app.grpc(), &user.email, PASSWORD, from).await,
        Ok(true)
    );
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    guarded
        .app
        .auth
        .write_known_sources(deadline)
        .await
        .unwrap();
    // The source's budget is whole again after an hour.
    for (days, left) in [(29, 2), (2, 0)] {
        guarded.wait(days * DAY);
        guarded.app.auth.purge().await.unwrap();
        assert_eq!(
            guarded.app.store.rows("throttles").await,
            left,
            "{days} days"
        );
    }
}

async fn no_time_opens_an_account_that_had_all_its_failures(database: Database) {
    let guarded = Guarded::on(database).await;
    let user = guarded.app.grpc().registered().await;
    guarded.fail_a_hundred_times(&user.email).await;
    guarded.wait(40 * 24 * 3_600);
    guarded.app.auth.purge().await.unwrap();
    throttled(tries(&guarded.app.grpc(), &user.email, PASSWORD, "198.51.100.7").await);
}

/// (T8) The login is neither let in nor counted.
#[tokio::test]
async fn without_the_database_a_login_is_unavailable_and_nothing_is_counted() {
    let (app, proxy, direct) = behind_proxy(|plan| plan).await;
    let user = app.grpc().registered().await;
    assert!(!app.grpc().is_valid(&user.email, WRONG).await);
    proxy.set(Link::Down);
    for password in [PASSWORD, WRONG, PASSWORD, WRONG] {
        let fault = tries(&app.grpc(), &user.email, password, "")
            .await
            .unwrap_err();
        assert_eq!(fault.code, Code::Unavailable, "{fault:?}");
    }
    let counted = "SELECT CAST(failures AS TEXT) AS text FROM throttles";
    assert_eq!(direct.texts(counted).await, ["1"]);
    proxy.set(Link::Up);
}
