//! The engine's promises over real threads. The seam holds, counts and breaks hashes; a future that
//! was polled once has been let in (or refused), so nothing here sleeps.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use futures_util::FutureExt;

use super::*;
use crate::domain::{Email, PasswordPolicy};

const SETTINGS: Settings = Settings {
    memory_kib: 64,
    iterations: 1,
    parallelism: 1,
    workers: 1,
    queue: 2,
    max_wait: Duration::from_secs(2),
};
const POLICY: PasswordPolicy = PasswordPolicy { min_length: 8 };
const PASSWORD: &str = "vestibule opens at nine";

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn new_password() -> NewPassword {
    NewPassword::parse(PASSWORD, POLICY, None).unwrap()
}

fn attempt(text: &str) -> PasswordAttempt {
    PasswordAttempt::parse(text).unwrap()
}

fn email() -> Email {
    Email::parse("ada@example.com").unwrap()
}

fn engine(settings: Settings) -> Hasher {
    Hasher::start(settings, None).unwrap()
}

/// A PHC string of the argon2 crate itself.
fn foreign_hash(memory_kib: u32, iterations: u32) -> HashedPassword {
    let params = argon2::Params::new(memory_kib, iterations, 1, None).unwrap();
    let argon2 = Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let hash: PasswordHash = argon2.hash_password(PASSWORD.as_bytes()).unwrap();
    HashedPassword::from_phc(hash.to_string())
}

async fn verify(
    hasher: &Hasher,
    text: &str,
    stored: Option<HashedPassword>,
) -> Result<Verification, HashingError> {
    hasher
        .verify(attempt(text), stored, email().key(), soon())
        .await
}

async fn is_match(hasher: &Hasher, text: &str, stored: &HashedPassword) -> bool {
    let verification = verify(hasher, text, Some(stored.clone())).await.unwrap();
    matches!(verification, Verification::Match { .. })
}

async fn hash(hasher: &Hasher) -> Result<HashedPassword, HashingError> {
    hasher.hash_password(new_password(), [7; 16], soon()).await
}

/// Holds every hash until it is released, for ever once the gate is dropped.
struct Gate {
    started: mpsc::Receiver<()>,
    release: mpsc::Sender<()>,
}

impl Gate {
    fn new() -> (Self, BeforeHash) {
        let (start, started) = mpsc::channel();
        let (release, released) = mpsc::channel();
        let (start, released) = (Mutex::new(start), Mutex::new(released));
        let before_hash = move || {
            start.lock().unwrap().send(()).ok();
            released.lock().unwrap().recv().ok();
        };
        (Self { started, release }, Arc::new(before_hash))
    }

    fn wait_until_started(&self) {
        self.started.recv_timeout(Duration::from_secs(60)).unwrap();
    }

    fn has_started_another(&self) -> bool {
        self.started.try_recv().is_ok()
    }

    fn release_one(&self) {
        self.release.send(()).unwrap();
    }
}

fn held(settings: Settings) -> (Hasher, Gate) {
    let (gate, before_hash) = Gate::new();
    (Hasher::start(settings, Some(before_hash)).unwrap(), gate)
}

/// Polls a call once: it is let in and waits, or this fails.
fn let_in<'a, T>(
    call: impl Future<Output = T> + 'a,
) -> std::pin::Pin<Box<dyn Future<Output = T> + 'a>> {
    let mut call = Box::pin(call);
    assert!(call.as_mut().now_or_never().is_none(), "answered at once");
    call
}

fn waiting_running(hasher: &Hasher) -> (usize, usize) {
    let figures = hasher.figures();
    (figures.waiting, figures.running)
}

/// (A1)
#[tokio::test]
async fn a_hash_is_a_phc_string_that_the_argon2_crate_verifies() {
    let hashed = hash(&engine(SETTINGS)).await.unwrap();
    assert!(
        hashed
            .as_str()
            .starts_with("$argon2id$v=19$m=64,t=1,p=1$BwcHBwcHBwcHBwcHBwcHBw$")
    );
    let parsed = PasswordHash::new(hashed.as_str()).unwrap();
    assert_eq!(parsed.hash.unwrap().len(), 32);
    Argon2::default()
        .verify_password(PASSWORD.as_bytes(), &parsed)
        .unwrap();
}

#[tokio::test]
async fn a_hash_of_the_argon2_crate_is_verified() {
    let hasher = engine(SETTINGS);
    for stored in [foreign_hash(64, 1), foreign_hash(8, 3)] {
        assert!(is_match(&hasher, PASSWORD, &stored).await);
        assert!(!is_match(&hasher, "vestibule opens at ten", &stored).await);
    }
}

#[tokio::test]
async fn a_password_is_stale_when_its_hash_has_other_parameters() {
    let hasher = engine(SETTINGS);
    let hashed = hash(&hasher).await.unwrap();
    let current = verify(&hasher, PASSWORD, Some(hashed)).await.unwrap();
    assert!(matches!(current, Verification::Match { stale: None }));

    let old = verify(&hasher, PASSWORD, Some(foreign_hash(64, 2))).await;
    let Ok(Verification::Match { stale: Some(stale) }) = old else {
        panic!("not stale");
    };
    let rewritten = hasher.rehash(stale, [9; 16]).await.unwrap();
    let again = verify(&hasher, PASSWORD, Some(rewritten)).await.unwrap();
    assert!(matches!(again, Verification::Match { stale: None }));
}

/// (E1, U3) Unknown, without a password, unreadable and over the caps: one job each, and no match.
#[tokio::test]
async fn every_verification_is_one_job_whatever_is_stored() {
    let hashes = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&hashes);
    let count: BeforeHash = Arc::new(move || {
        counter.fetch_add(1, Ordering::SeqCst);
    });
    let hasher = Hasher::start(SETTINGS, Some(count)).unwrap();
    let nobody = decoy::decoy(email().key(), hasher.0.current).to_string();
    let unreadable = [
        "",
        "ä",
        "$2b$12$abcdefghijklmnopqrstuv",
        "$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
    ];
    let stored = [None, Some(foreign_hash(64, 1))].into_iter().chain(
        unreadable
            .into_iter()
            .chain([nobody.as_str()])
            .map(|text| Some(HashedPassword::from_phc(text.to_owned()))),
    );
    for (index, stored) in stored.enumerate() {
        let verification = verify(&hasher, "wrong", stored).await.unwrap();
        assert!(matches!(verification, Verification::Mismatch));
        assert_eq!(hashes.load(Ordering::SeqCst), index + 1);
    }
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_serves_those_it_let_in() {
    let (hasher, gate) = held(SETTINGS);
    let running = let_in(hash(&hasher));
    gate.wait_until_started();
    let waiting = [let_in(hash(&hasher)), let_in(hash(&hasher))];
    assert_eq!(waiting_running(&hasher), (2, 1));

    let Some(Err(HashingError::Overloaded { retry_after })) = hash(&hasher).now_or_never() else {
        panic!("not refused at once");
    };
    assert!(retry_after > Duration::ZERO);

    drop(gate);
    running.await.unwrap();
    for call in waiting {
        call.await.unwrap();
    }
    assert_eq!(waiting_running(&hasher), (0, 0));
}

/// (X10) A caller that is gone leaves the queue, not the thread.
#[tokio::test]
async fn a_cancelled_job_never_starts_and_a_running_one_keeps_its_slot() {
    let (hasher, gate) = held(SETTINGS);
    let running = let_in(hash(&hasher));
    gate.wait_until_started();
    for _ in 0..100 {
        drop(let_in(hash(&hasher)));
    }
    drop(running);
    assert_eq!(hasher.figures().running, 1);

    let last = let_in(hash(&hasher));
    gate.release_one();
    gate.wait_until_started();
    gate.release_one();
    last.await.unwrap();
    assert!(!gate.has_started_another());
    assert_eq!(waiting_running(&hasher), (0, 0));
}

#[tokio::test]
async fn a_deadline_that_passed_on_arrival_or_while_waiting_starts_nothing() {
    let (hasher, gate) = held(SETTINGS);
    let late = hasher.hash_password(new_password(), [7; 16], Instant::now());
    assert_eq!(late.await, Err(HashingError::DeadlineExceeded));

    let running = let_in(hash(&hasher));
    gate.wait_until_started();
    let deadline = Instant::now() + Duration::from_millis(20);
    let waiting = hasher.hash_password(new_password(), [7; 16], deadline);
    assert_eq!(waiting.await, Err(HashingError::DeadlineExceeded));

    gate.release_one();
    running.await.unwrap();
    hasher.stop();
    assert!(!gate.has_started_another());
}

/// (C5) The thread survives, and so does its slot.
#[tokio::test]
async fn a_panic_in_a_hashing_thread_loses_one_job() {
    let hashes = AtomicUsize::new(0);
    let break_first: BeforeHash = Arc::new(move || {
        if hashes.fetch_add(1, Ordering::SeqCst) == 0 {
            std::panic::resume_unwind(Box::new(()));
        }
    });
    let hasher = Hasher::start(SETTINGS, Some(break_first)).unwrap();
    assert_eq!(hash(&hasher).await, Err(HashingError::Failed));
    assert_eq!(waiting_running(&hasher), (0, 0));
    hash(&hasher).await.unwrap();
}

#[tokio::test]
async fn hashes_above_the_configured_memory_run_one_at_a_time_and_lighter_ones_pass() {
    let (hasher, gate) = held(Settings {
        workers: 3,
        queue: 8,
        ..SETTINGS
    });
    let heavy = foreign_hash(128, 1);
    let heavies = [
        let_in(verify(&hasher, PASSWORD, Some(heavy.clone()))),
        let_in(verify(&hasher, PASSWORD, Some(heavy))),
    ];
    gate.wait_until_started();
    let light = let_in(hash(&hasher));
    gate.wait_until_started();
    assert_eq!(waiting_running(&hasher), (1, 2));
    assert!(!gate.has_started_another());

    drop(gate);
    light.await.unwrap();
    for call in heavies {
        assert!(matches!(
            call.await,
            Ok(Verification::Match { stale: Some(_) })
        ));
    }
}

/// (A4)
#[tokio::test]
async fn a_rehash_is_dropped_unless_a_thread_is_free() {
    let (hasher, gate) = held(SETTINGS);
    let rehash = || hasher.rehash(VerifiedPassword(attempt(PASSWORD)), [9; 16]);
    let running = let_in(hash(&hasher));
    gate.wait_until_started();
    assert_eq!(rehash().now_or_never(), Some(None));
    let waiting = let_in(hash(&hasher));
    assert_eq!(rehash().now_or_never(), Some(None));

    drop(gate);
    running.await.unwrap();
    waiting.await.unwrap();
    assert!(rehash().await.is_some());
    hasher.stop();
    assert_eq!(rehash().now_or_never(), Some(None));
}

#[tokio::test]
async fn stopping_drops_what_waits_and_ends_what_runs() {
    let (hasher, gate) = held(SETTINGS);
    let running = let_in(hash(&hasher));
    gate.wait_until_started();
    let waiting = let_in(hash(&hasher));

    let stopping = thread::spawn({
        let hasher = hasher.clone();
        move || hasher.stop()
    });
    assert_eq!(waiting.await, Err(HashingError::Failed));
    assert_eq!(hash(&hasher).await, Err(HashingError::Failed));
    gate.release_one();
    running.await.unwrap();
    stopping.join().unwrap();
}

#[test]
fn the_threads_end_with_the_last_handle() {
    let (sender, threads) = mpsc::channel::<()>();
    let sender = Mutex::new(sender);
    let hold_sender: BeforeHash = Arc::new(move || drop(sender.lock()));
    let hasher = Hasher::start(SETTINGS, Some(hold_sender)).unwrap();
    drop(hasher.clone());
    assert_eq!(threads.try_recv(), Err(mpsc::TryRecvError::Empty));
    drop(hasher);
    // Disconnected when the last thread has dropped the seam.
    assert!(threads.recv_timeout(Duration::from_secs(60)).is_err());
}

#[test]
fn parameters_that_argon2_does_not_define_are_refused_at_start() {
    let refused = [
        (7, 1, 1),
        (64, 0, 1),
        (64, 1, 0),
        (63, 1, 8),
        (131_073, 1, 1),
    ];
    for (memory_kib, iterations, parallelism) in refused {
        let settings = Settings {
            memory_kib,
            iterations,
            parallelism,
            ..SETTINGS
        };
        assert!(matches!(
            Hasher::start(settings, None),
            Err(StartError::Parameters(_))
        ));
    }
}

/// (L5)
#[test]
fn a_verified_password_cannot_be_printed() {
    let verification = Verification::Match {
        stale: Some(VerifiedPassword(attempt(PASSWORD))),
    };
    assert!(!format!("{verification:?}").contains("nine"));
}
