//! Random sequences of everything that can be asked for, against a reference that says what must come
//! of each: whatever the order, the service and the reference agree after every step.
//!
//! A failure prints the shortest sequence that was found and the seed; `PROPTEST_RNG_SEED` repeats a
//! run, `PROPTEST_CASES` makes it longer.

mod agreement;
mod auth;
mod look;
mod operation;
mod state;
mod time;

use std::{
    env,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use chrono::DateTime;
use proptest::{
    prelude::*,
    test_runner::{RngSeed, TestCaseError, TestRunner},
};
use tokio::{runtime::Handle, task::block_in_place};
use uuid::Uuid;
use vestibule::domain::{Clock, SessionToken};

use crate::harness::{Database, TestApp, Users, figure, scale};
use agreement::Check;
use operation::{Guess, New, Operation, Proof, Shape, operations};
use state::{IDLE, LIFETIME, PER_USER, State};

on_both_databases!(the_service_does_what_the_reference_does);

/// What happens between two steps: more than `last_seen_interval` here, so that what was seen is
/// noted to the moment.
const STEP: Duration = Duration::from_secs(1);
/// The most steps of a sequence.
const STEPS: usize = 40;
const PASSWORDS: [&str; 4] = [
    "a canary sings at one",
    "a canary sings at two",
    "a canary sings at three",
    "a canary sings at four",
];

/// The service, which all sequences share: their users are others.
struct Service {
    app: TestApp,
    clock: Clock,
    users: Users,
}

/// One sequence on its way.
struct World<'s> {
    service: &'s Service,
    state: State,
    /// What the addresses of this sequence begin with.
    prefix: String,
    run: usize,
}

/// 24 sequences in CI, always the same; 500 for the scorecard, each time others.
async fn the_service_does_what_the_reference_does(database: Database) {
    let service = Service::start(database).await;
    let mut config = ProptestConfig {
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..ProptestConfig::default()
    };
    if env::var("PROPTEST_CASES").is_err() {
        config.cases = u32::try_from(scale(24, 500)).unwrap();
    }
    let seed = match config.rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => u64::try_from(scale(1, 0)).unwrap(),
    };
    // Random ones are made here, so that they can be told.
    let seed = if seed == 0 {
        Uuid::new_v4().as_u64_pair().0
    } else {
        seed
    };
    config.rng_seed = RngSeed::Fixed(seed);
    let cases = config.cases;
    let mut runner = TestRunner::new(config);
    let agreed = block_in_place(|| {
        runner.run(&operations(STEPS), |operations| {
            let run = World::run(&service, &operations);
            Handle::current().block_on(run).map_err(TestCaseError::fail)
        })
    });
    if let Err(differs) = agreed {
        panic!("PROPTEST_RNG_SEED={seed} PROPTEST_CASES={cases} on {database:?}: {differs}");
    }
    figure(
        "model",
        format_args!("{cases} sequences agree on {database:?}"),
    );
}

impl Service {
    async fn start(database: Database) -> Self {
        // Ahead of the clock of Postgres, which counts as well.
        let clock = Clock::standing_at(DateTime::from_timestamp(1_900_000_000, 0).unwrap());
        let moved = clock.clone();
        let plan = TestApp::on(database).await.settings(|settings| {
            settings.auth.session_limits.lifetime = LIFETIME;
            settings.auth.session_limits.idle = IDLE;
            settings.auth.session_limits.per_user = PER_USER as u64;
            settings.auth.last_seen_interval = STEP;
        });
        let app = plan.seams(|seams| seams.clock = Some(moved)).start().await;
        let users = app.users().await;
        Self { app, clock, users }
    }
}

impl<'s> World<'s> {
    async fn run(service: &'s Service, operations: &[Operation]) -> Check {
        static RUNS: AtomicUsize = AtomicUsize::new(0);
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        let mut world = Self {
            service,
            state: State::at(service.clock.now()),
            prefix: format!("canary.{run}x"),
            run,
        };
        for (step, operation) in operations.iter().enumerate() {
            let told = |differs| format!("step {step}, {operation:?}: {differs}");
            world.perform(*operation).await.map_err(told)?;
            world.look().await.map_err(told)?;
            if !matches!(operation, Operation::Wait(_)) {
                world.advance(STEP);
            }
        }
        let told = |differs| format!("at the end: {differs}");
        world.look_at_all().await.map_err(told)
    }

    async fn perform(&mut self, operation: Operation) -> Check {
        match operation {
            Operation::Register(at, new, id) => self.register(at, new, id).await,
            Operation::RegisterByRest(at, new, id) => self.register_by_rest(at, new, id).await,
            Operation::Login(at, guess) => self.log_in(at, guess).await,
            Operation::Open(at, guess) => self.open(at, guess).await,
            Operation::Validate(proof) => self.validate(proof).await,
            Operation::ValidateAll => self.validate_all().await,
            Operation::Rotate(proof) => self.rotate(proof).await,
            Operation::Revoke(proof) => self.revoke(proof).await,
            Operation::Wait(pause) => self.wait(pause).await,
            Operation::Purge => self.purge().await,
        }
    }

    fn address(&self, at: u8) -> String {
        let local = format!("{}{}", self.prefix, at % 4);
        let local = if at < 4 { local } else { local.to_uppercase() };
        format!("{local}@example.com")
    }

    fn request_id(&self, id: Option<u8>) -> Option<String> {
        let run = self.run as u128;
        id.map(|id| Uuid::from_u128(run << 8 | u128::from(id)).to_string())
    }

    fn guess(&self, user: Option<usize>, guess: Guess) -> String {
        match (guess, user) {
            (Guess::Right, Some(user)) => self.state.users[user].password.clone(),
            (Guess::Right, None) => PASSWORDS[0].to_owned(),
            (Guess::Other(at), _) => PASSWORDS[usize::from(at) % PASSWORDS.len()].to_owned(),
        }
    }

    fn new_password(&self, new: New, email: &str) -> String {
        match new {
            New::Good(at) => PASSWORDS[usize::from(at) % PASSWORDS.len()].to_owned(),
            New::Short => "canary".to_owned(),
            New::Address => email.to_owned(),
        }
    }

    /// What is presented as the token of a session, and which secret that is.
    fn session_proof(&self, Proof(back, shape): Proof) -> (Option<usize>, String) {
        let secrets = &self.state.secrets;
        let Some(last) = secrets.len().checked_sub(1) else {
            return (None, "nothing".to_owned());
        };
        let at = last - usize::from(back) % secrets.len();
        let text = &secrets[at].text;
        match shape {
            Shape::Whole => (Some(at), text.clone()),
            Shape::Cut => (None, text[..71].to_owned()),
            Shape::Forged => {
                let id = SessionToken::parse(text).unwrap().id();
                let forged = SessionToken::new(id, [0xA5; 32]);
                (None, forged.expose().to_string())
            }
        }
    }
}
