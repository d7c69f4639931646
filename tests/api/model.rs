//! Random sequences of everything that can be asked for, against a reference that says what must come
//! of each: whatever the order, the service and the reference agree after every step.
//!
//! A failure prints the shortest sequence that was found and the seed; `PROPTEST_RNG_SEED` repeats a
//! run, `PROPTEST_CASES` makes it longer.

mod account;
mod agreement;
mod auth;
mod chance;
mod import;
mod look;
mod operation;
mod proofs;
mod state;
mod time;
mod users;

use std::{
    env,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use chrono::DateTime;
use proptest::{
    prelude::*,
    test_runner::{RngSeed, TestCaseError, TestError, TestRunner},
};
use tokio::{runtime::Handle, task::block_in_place};
use uuid::Uuid;
use vestibule::{domain::Clock, mail::SmtpTls};

use crate::{
    events::Auditor,
    harness::{Database, Server, Sink, Users, email, figure, scale},
};
use agreement::Check;
use chance::operations;
use operation::Operation;
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
struct ServerProcess {
    app: Server,
    clock: Clock,
    users: Users,
    auditor: Auditor,
    sink: Sink,
    /// Of the first of the passwords.
    hash: String,
}

/// One sequence on its way.
struct World<'s> {
    service: &'s ServerProcess,
    state: State,
    /// What the addresses of this sequence begin with.
    prefix: String,
    run: usize,
    /// How many mails were read, those of earlier sequences included.
    mails: usize,
}

/// 64 sequences in CI, always the same; 500 for the scorecard, each time others.
async fn the_service_does_what_the_reference_does(database: Database) {
    let service = ServerProcess::start(database).await;
    let mut config = ProptestConfig {
        failure_persistence: None,
        max_shrink_iters: 1_000,
        max_shrink_time: 60_000,
        ..ProptestConfig::default()
    };
    if env::var("PROPTEST_CASES").is_err() {
        config.cases = u32::try_from(scale(64, 500)).unwrap();
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
    if let Err(TestError::Fail(differs, operations)) = agreed {
        let steps = operations.iter().enumerate();
        let steps: Vec<_> = steps
            .map(|(at, step)| format!("\n{at:3} {step:?}"))
            .collect();
        panic!(
            "on {database:?} with PROPTEST_RNG_SEED={seed} PROPTEST_CASES={cases}: {differs}{}",
            steps.concat()
        );
    }
    agreed.unwrap();
    figure(
        "model",
        format_args!("{cases} sequences agree on {database:?}"),
    );
}

impl ServerProcess {
    async fn start(database: Database) -> Self {
        // Ahead of the clock of Postgres, which counts as well.
        let clock = Clock::manual(DateTime::from_timestamp(1_900_000_000, 0).unwrap());
        let (moved, sink) = (clock.clone(), Sink::start(SmtpTls::None).await);
        let delivery = sink.delivery();
        let plan = Server::on(database).await.unthrottled();
        let plan = plan.settings(|settings| {
            settings.auth.session_limits.lifetime = LIFETIME;
            settings.auth.session_limits.idle = IDLE;
            settings.auth.session_limits.per_user = PER_USER as u64;
            settings.auth.last_seen_interval = STEP;
            settings.auth.keep_events = Duration::from_hours(1_000_000);
            settings.mail = delivery;
        });
        let app = plan.hooks(|hooks| hooks.clock = Some(moved)).start().await;
        let donor = email();
        app.grpc().register(&donor, PASSWORDS[0]).await.unwrap();
        Self {
            users: app.users().await,
            auditor: Auditor::of(&app).await,
            hash: app.stored_hash(&donor).await.as_str().to_owned(),
            app,
            clock,
            sink,
        }
    }

    /// Lets the time pass until no mail of former sequences waits.
    async fn send_all(&self) {
        while self.app.mail_waiting(self.clock.now()).await.waiting > 0 {
            self.clock.advance(Duration::from_hours(1));
            self.app.auth.deliver_mail().await.unwrap();
        }
    }
}

impl<'s> World<'s> {
    async fn run(service: &'s ServerProcess, operations: &[Operation]) -> Check {
        static RUNS: AtomicUsize = AtomicUsize::new(0);
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        service.send_all().await;
        let mut world = Self {
            service,
            state: State::at(service.clock.now()),
            prefix: format!("canary.{run}x"),
            run,
            mails: service.sink.mails().len(),
        };
        for (step, operation) in operations.iter().enumerate() {
            let told = |differs| format!("step {step}, {operation:?}: {differs}");
            // Boxed: these futures together are larger than a stack.
            Box::pin(world.perform(*operation)).await.map_err(told)?;
            Box::pin(world.receive()).await.map_err(told)?;
            Box::pin(world.look()).await.map_err(told)?;
            if !matches!(operation, Operation::Wait(_)) {
                world.advance(STEP).await?;
            }
        }
        let told = |differs| format!("at the end: {differs}");
        Box::pin(world.look_at_all()).await.map_err(told)
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
            Operation::RotateLate(proof) => self.rotate_late(proof).await,
            Operation::Revoke(proof) => self.revoke(proof).await,
            Operation::Account(proof) => self.account(proof).await,
            Operation::AccountByRest(proof, asked) => self.account_by_rest(proof, asked).await,
            Operation::OwnSessions(proof) => self.own_sessions(proof).await,
            Operation::EndById(proof, which) => self.end_by_id(proof, which).await,
            Operation::EndOthers(proof) => self.end_others(proof).await,
            Operation::Reauthenticate(proof, guess) => self.reauthenticate(proof, guess).await,
            Operation::ChangePassword(proof, guess, new) => {
                self.change_password(proof, guess, new).await
            }
            Operation::AskForReset(at) => self.ask_for_reset(at).await,
            Operation::Reset(proof, new) => self.reset(proof, new).await,
            Operation::AskForVerification(at) => self.ask_for_verification(at).await,
            Operation::Verify(proof, knows) => self.verify(proof, knows).await,
            Operation::AskForChange(proof, guess, at) => {
                self.ask_for_change(proof, guess, at).await
            }
            Operation::CancelChange(proof) => self.cancel_change(proof).await,
            Operation::ConfirmChange(proof) => self.confirm_change(proof).await,
            Operation::Restore(proof, new) => self.restore(proof, new).await,
            Operation::GuessPassword(proof, times) => self.guess_password(proof, times).await,
            Operation::Close(proof, guess) => self.close(proof, guess).await,
            Operation::Wait(pause) => self.wait(pause).await,
            Operation::Purge => self.purge().await,
            by_callers => self.perform_by_caller(by_callers).await,
        }
    }

    async fn perform_by_caller(&mut self, operation: Operation) -> Check {
        match operation {
            Operation::Find(name) => self.find(name).await,
            Operation::Pages(disabled) => self.pages(disabled).await,
            Operation::Update(whom, at, verified, etag) => {
                self.update(whom, at, verified, etag).await
            }
            Operation::Disable(whom) => self.set_disabled(whom, true).await,
            Operation::Enable(whom) => self.set_disabled(whom, false).await,
            Operation::Delete(whom) => self.delete(whom).await,
            Operation::OpenFor(name, unverified) => self.open_for(name, unverified).await,
            Operation::CreateReset(name) => self.create_reset(name).await,
            Operation::EndSessions(whom, ended) => self.end_sessions(whom, ended).await,
            Operation::Export(whom) => self.export(whom).await,
            Operation::Import(row) => self.import(row).await,
            Operation::Events(whom) => self.events(whom).await,
            others => unreachable!("{others:?} is no operation of a caller"),
        }
    }
}
