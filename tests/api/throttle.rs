//! Guessing: whoever guesses is slowed down and stopped, and nobody else is.

mod known;
mod paths;
mod shared;
mod sources;
mod tokens;

use std::time::Duration;

use tonic::{Code, Status};
use vestibule::{
    domain::Clock,
    proto::v1::{ClientInfo, ValidLoginRequest},
};

use crate::harness::{
    Client, Database, EventKind, Fault, HashGate, PASSWORD, Plan, Server, TestUser, email,
    events_of, figure, scale,
};

on_both_databases!(
    five_failures_delay_an_account_and_each_further_one_doubles_the_delay,
    a_hundred_failures_in_a_row_are_the_last,
    every_spelling_of_an_address_counts_for_one_account,
    a_throttled_login_is_refused_alike_whoever_exists,
    a_throttled_login_is_recorded_and_counted,
    a_success_forgets_the_failures_before_it,
    without_the_throttle_nothing_is_counted,
);

const WRONG: &str = "a canary sings at ten";

/// An application whose clock the test moves, and a count of what it hashes.
struct Guarded {
    app: Server,
    clock: Clock,
    hashes: HashGate,
}

impl Guarded {
    async fn on(database: Database) -> Self {
        Self::planned(Server::on(database).await).await
    }

    async fn planned(plan: Plan) -> Self {
        let (clock, hashes) = (Clock::manual(Clock::system().now()), HashGate::opened());
        let plan = plan.hash_gate(&hashes);
        let moved = clock.clone();
        let app = plan.hooks(|hooks| hooks.clock = Some(moved)).start().await;
        Self { app, clock, hashes }
    }

    fn wait(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    async fn tries(&self, email: &str, password: &str) -> Result<bool, Fault> {
        tries(&self.app.grpc(), email, password, "").await
    }

    /// Fails as often as a new account may before it is delayed.
    async fn fail_five_times(&self, email: &str) {
        for _ in 0..5 {
            assert_eq!(self.tries(email, WRONG).await, Ok(false));
        }
    }

    /// Fails as often as it takes until nobody new may try again, each time after the delay.
    async fn fail_a_hundred_times(&self, email: &str) {
        for _ in 0..100 {
            assert_eq!(self.tries(email, WRONG).await, Ok(false));
            self.wait(900);
        }
    }
}

/// Tries a password, as told from an address.
async fn tries(client: &Client, email: &str, password: &str, ip: &str) -> Result<bool, Fault> {
    let request = ValidLoginRequest {
        email: email.into(),
        password: password.into(),
        client: (!ip.is_empty()).then(|| ClientInfo {
            ip: ip.into(),
            user_agent: String::new(),
        }),
    };
    let answer = client.clone().valid_login(request).await;
    let login = answer.map_err(|status| Fault::of(&status))?;
    Ok(login.into_inner().valid)
}

fn throttled<T: std::fmt::Debug>(outcome: Result<T, Fault>) -> Duration {
    let fault = outcome.unwrap_err();
    assert_eq!(
        (fault.code, &*fault.reason),
        (Code::ResourceExhausted, "LOGIN_THROTTLED")
    );
    fault.retry_after.unwrap()
}

fn throttled_status<T: std::fmt::Debug>(outcome: Result<T, Status>) -> Duration {
    throttled(outcome.map_err(|status| Fault::of(&status)))
}

/// (T1) The refused tries cost no hash, whatever address they come from.
async fn five_failures_delay_an_account_and_each_further_one_doubles_the_delay(database: Database) {
    let guarded = Guarded::on(database).await;
    let user = guarded.app.grpc().registered().await;
    for address in [user.email, email()] {
        let before = guarded.hashes.started();
        guarded.fail_five_times(&address).await;
        for delay in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900] {
            for from in ["", "192.0.2.1", "2001:db8::1"] {
                let told = tries(&guarded.app.grpc(), &address, PASSWORD, from).await;
                assert_eq!(throttled(told), Duration::from_secs(delay));
            }
            guarded.wait(delay - 1);
            let told = guarded.tries(&address, PASSWORD).await;
            assert_eq!(throttled(told), Duration::from_secs(1));
            guarded.wait(1);
            assert_eq!(guarded.tries(&address, WRONG).await, Ok(false));
        }
        assert_eq!(guarded.hashes.started() - before, 17);
    }
}

/// (T1) NIST SP 800-63B-4 §3.2.2: tries from a source each, 300 in CI, 10,000 for the scorecard, each
/// after the longest delay.
async fn a_hundred_failures_in_a_row_are_the_last(database: Database) {
    let guarded = Guarded::on(database).await;
    let user = guarded.app.grpc().registered().await;
    let (before, tried) = (guarded.hashes.started(), scale(300, 10_000));
    for number in 0..tried {
        let from = format!("198.51.{}.{}", number / 250, number % 250 + 1);
        match tries(&guarded.app.grpc(), &user.email, WRONG, &from).await {
            Ok(is_valid) => assert!(!is_valid),
            refused => assert_eq!(throttled(refused), Duration::from_mins(15)),
        }
        guarded.wait(900);
    }
    let hashed = guarded.hashes.started() - before;
    assert_eq!(hashed, 100);
    guarded.wait(365 * 24 * 3_600);
    throttled(guarded.tries(&user.email, PASSWORD).await);
    figure(
        "T1",
        format_args!("{hashed} of {tried} wrong passwords were hashed"),
    );
}

/// (T3)
async fn every_spelling_of_an_address_counts_for_one_account(database: Database) {
    let guarded = Guarded::on(database).await;
    let spellings = [
        "ada@xn--bcher-kva.example",
        "Ada@b\u{fc}cher.example",
        "ADA@bu\u{308}cher.EXAMPLE",
        "aDa@B\u{dc}CHER.example",
        "ada@XN--BCHER-KVA.example",
    ];
    for spelling in spellings {
        assert_eq!(guarded.tries(spelling, WRONG).await, Ok(false));
    }
    for spelling in spellings {
        throttled(guarded.tries(spelling, WRONG).await);
    }
}

/// (E1) (E3) Unknown, disabled, without a password: the same bytes, before any hash.
async fn a_throttled_login_is_refused_alike_whoever_exists(database: Database) {
    let guarded = Guarded::on(database).await;
    let app = &guarded.app;
    let (known, disabled) = (app.grpc().registered().await, app.grpc().registered().await);
    app.disable(&disabled.id).await;
    let mut answers = std::collections::HashSet::new();
    for (address, password) in [
        (&known.email, WRONG),
        (&known.email, PASSWORD),
        (&disabled.email, PASSWORD),
        (&email(), PASSWORD),
    ] {
        while guarded.tries(address, WRONG).await.is_ok() {}
        let before = guarded.hashes.started();
        let request = ValidLoginRequest {
            email: address.clone(),
            password: password.into(),
            client: None,
        };
        let reply = app.wire().ask("ValidLogin", &request).await;
        assert_eq!(reply.code(), Code::ResourceExhausted);
        answers.insert(reply.visible());
        assert_eq!(guarded.hashes.started(), before);
    }
    assert_eq!(answers.len(), 1, "{answers:#?}");
}

/// (L4)
async fn a_throttled_login_is_recorded_and_counted(database: Database) {
    let guarded = Guarded::on(database).await;
    let user = guarded.app.grpc().registered().await;
    guarded.fail_five_times(&user.email).await;
    for _ in 0..7 {
        throttled(guarded.tries(&user.email, PASSWORD).await);
    }
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    guarded.app.auth.write_outcomes(deadline).await.unwrap();
    let kind = events_of(&[EventKind::LoginThrottled]);
    let count = format!("SELECT CAST(count AS TEXT) AS text FROM {kind}");
    assert_eq!(guarded.app.store.texts(&count).await, ["7"]);
    let scrape = guarded.app.scrape().await;
    assert_eq!(scrape.value("vestibule_logins_throttled_total", &[]), 7);
}

async fn a_success_forgets_the_failures_before_it(database: Database) {
    let guarded = Guarded::on(database).await;
    let user = guarded.app.grpc().registered().await;
    for _ in 0..30 {
        for _ in 0..4 {
            assert_eq!(guarded.tries(&user.email, WRONG).await, Ok(false));
        }
        assert_eq!(guarded.tries(&user.email, PASSWORD).await, Ok(true));
    }
}

async fn without_the_throttle_nothing_is_counted(database: Database) {
    let plan = Server::on(database).await;
    let guarded = Guarded::planned(plan.settings(|s| s.auth.throttle = None)).await;
    let user = guarded.app.grpc().registered().await;
    for _ in 0..20 {
        assert_eq!(guarded.tries(&user.email, WRONG).await, Ok(false));
    }
    assert_eq!(guarded.tries(&user.email, PASSWORD).await, Ok(true));
    assert_eq!(guarded.app.store.rows("throttles").await, 0);
}
