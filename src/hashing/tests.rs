//! The engine on real threads; `load` tests its queue.
#![expect(
    clippy::disallowed_types,
    reason = "our strings are compared with those of the argon2 crate"
)]

mod load;

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
    mpsc,
};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};

use super::*;
use crate::domain::{Email, PasswordAttempt, PasswordPolicy, PasswordScheme, StoredPassword};

const SETTINGS: HashingSettings = HashingSettings {
    memory_kib: 64,
    iterations: 1,
    parallelism: 1,
    workers: 1,
    queue: 2,
    max_wait: Duration::from_secs(2),
};
const POLICY: PasswordPolicy = PasswordPolicy {
    min_length: 8,
    min_strength: 0,
};
const PASSWORD: &str = "vestibule opens at nine";

fn soon() -> Instant {
    Instant::now() + Duration::from_mins(1)
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

fn engine(settings: HashingSettings) -> Hasher {
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
    verify_as(hasher, text, stored, PasswordScheme::Nfc).await
}

async fn verify_as(
    hasher: &Hasher,
    text: &str,
    stored: Option<HashedPassword>,
    scheme: PasswordScheme,
) -> Result<Verification, HashingError> {
    let stored = stored.map(|hashed| StoredPassword { hashed, scheme });
    hasher
        .verify(attempt(text), stored, email().key(), Flow::Rest, soon())
        .await
}

async fn is_match(hasher: &Hasher, text: &str, stored: &HashedPassword) -> bool {
    let verification = verify(hasher, text, Some(stored.clone())).await.unwrap();
    matches!(verification, Verification::Match { .. })
}

async fn hash(hasher: &Hasher) -> Result<HashedPassword, HashingError> {
    hasher
        .hash_password(new_password(), [7; 16], Flow::Rest, soon())
        .await
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
    let fresh = hash(&hasher).await.unwrap();
    let current = verify(&hasher, PASSWORD, Some(fresh)).await.unwrap();
    assert!(matches!(current, Verification::Match { stale: None }));

    let old = verify(&hasher, PASSWORD, Some(foreign_hash(64, 2))).await;
    let Ok(Verification::Match { stale: Some(stale) }) = old else {
        panic!("not stale");
    };
    let rewritten = hasher.rehash(stale, [9; 16]).await.unwrap();
    let again = verify(&hasher, PASSWORD, Some(rewritten)).await.unwrap();
    assert!(matches!(again, Verification::Match { stale: None }));
}

/// Whether a password is right, and whether its hash is stale.
async fn judge(hasher: &Hasher, text: &str, stored: &str, scheme: PasswordScheme) -> (bool, bool) {
    let stored = HashedPassword::from_phc(stored.to_owned());
    match verify_as(hasher, text, Some(stored), scheme).await.unwrap() {
        Verification::Match { stale } => (true, stale.is_some()),
        Verification::Mismatch => (false, false),
    }
}

/// (A4) argon2-cffi over NFD; bcrypt over 80 bytes.
#[tokio::test]
async fn an_imported_hash_is_of_the_bytes_as_they_came_and_is_hashed_again() {
    use PasswordScheme::{Imported, Nfc};
    const OF_NFD: &str = "$argon2id$v=19$m=64,t=1,p=1$c2l4dGVlbiBieXRlIHNsdA$MmA18w3V1D4fHS7I4MvzNBqrca6cbWU/TWKB/4Hwzew";
    const OF_LONG: &str = "$2b$04$fzhqSB0XQVzaQRc1kp1.FeboIUV6jPTcX0tT9HPP3.5TyXooGBo8G";
    let long = format!("eighty bytes: {}yABCDEFGH", "x".repeat(57));
    let hasher = engine(SETTINGS);
    let (nfd, nfc) = ("cafe\u{301} at eight", "caf\u{e9} at eight");
    assert_eq!(judge(&hasher, nfd, OF_NFD, Imported).await, (true, true));
    assert_eq!(judge(&hasher, nfc, OF_NFD, Imported).await, (false, false));
    assert_eq!(judge(&hasher, nfd, OF_NFD, Nfc).await, (false, false));
    assert_eq!(
        judge(&hasher, &long, OF_LONG, Imported).await,
        (true, false),
        "the end that bcrypt ignored may be wrong, so it is not hashed again"
    );
    assert_eq!(
        judge(&hasher, &long[..72], OF_LONG, Imported).await,
        (true, true)
    );
    assert_eq!(
        judge(&hasher, &long[..71], OF_LONG, Imported).await,
        (false, false)
    );

    // The cost is current, but the hash is not of the NFC form.
    let current = hash(&hasher).await.unwrap();
    assert_eq!(
        judge(&hasher, PASSWORD, current.as_str(), Imported).await,
        (true, true)
    );
    assert_eq!(
        judge(&hasher, PASSWORD, current.as_str(), Nfc).await,
        (true, false)
    );
}

/// scrypt allocates its own memory, so it is queued as a heavy job.
#[tokio::test]
async fn decoys_follow_the_stored_hashes() {
    const SCRYPT: &str =
        "$scrypt$ln=4,r=8,p=1$j7E2Rqi1Vup9rzWmFCJkLA$3dSiCoydyekn6XE6rY3BosSQwOvaOCbwdb4UmwAG8Yk";
    let (sender, algorithms) = mpsc::channel();
    let sender = Mutex::new(sender);
    let note: BeforeHash = Arc::new(move |algorithm| {
        sender.lock().unwrap().send(algorithm.to_owned()).unwrap();
    });
    let hasher = Hasher::start(SETTINGS, Some(note)).unwrap();
    let _ = verify(&hasher, "wrong", None).await.unwrap();
    assert_eq!(algorithms.recv().unwrap(), "$argon2id$v=19$m=64,t=1,p=1");
    let stored = HashedPassword::from_phc(SCRYPT.to_owned());
    hasher.draw_decoys_from(&[(stored, 1)], &ServerKey::new([7; 32]));
    let _ = verify(&hasher, "wrong", None).await.unwrap();
    assert_eq!(algorithms.recv().unwrap(), "$scrypt$ln=4,r=8,p=1");
}

/// (E1) (U3) An unknown user, no password, an unreadable hash and a hash over the caps are one job each
/// and never match.
#[tokio::test]
async fn every_verification_is_one_job_whatever_is_stored() {
    let jobs = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&jobs);
    let count: BeforeHash = Arc::new(move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
    });
    let hasher = Hasher::start(SETTINGS, Some(count)).unwrap();
    let nobody = hasher.0.decoys.draw(email().key()).to_string();
    let unreadable = [
        "",
        "ä",
        "$2b$12$abcdefghijklmnopqrstuv",
        "$2b$31$fzhqSB0XQVzaQRc1kp1.FeboIUV6jPTcX0tT9HPP3.5TyXooGBo8G",
        "$scrypt$ln=30,r=8,p=1$j7E2Rqi1Vup9rzWmFCJkLA$3dSiCoydyekn6XE6rY3BosSQwOvaOCbwdb4UmwAG8Yk",
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
        assert_eq!(jobs.load(Ordering::SeqCst), index + 1);
    }
}

/// (C5) The thread survives, and its slot is freed.
#[tokio::test]
async fn a_panic_in_a_hashing_thread_loses_one_job() {
    let jobs = AtomicUsize::new(0);
    let break_first: BeforeHash = Arc::new(move |_| {
        if jobs.fetch_add(1, Ordering::SeqCst) == 0 {
            std::panic::resume_unwind(Box::new(()));
        }
    });
    let hasher = Hasher::start(SETTINGS, Some(break_first)).unwrap();
    assert_eq!(hash(&hasher).await, Err(HashingError::Failed));
    assert_eq!(hasher.metrics().running, 0);
    hash(&hasher).await.unwrap();
}

#[test]
fn the_threads_end_with_the_last_handle() {
    let (sender, threads) = mpsc::channel::<()>();
    let sender = Mutex::new(sender);
    let hold_sender: BeforeHash = Arc::new(move |_| drop(sender.lock()));
    let hasher = Hasher::start(SETTINGS, Some(hold_sender)).unwrap();
    drop(hasher.clone());
    assert_eq!(threads.try_recv(), Err(mpsc::TryRecvError::Empty));
    drop(hasher);
    // Disconnected when the last thread has dropped the hook.
    assert!(threads.recv_timeout(Duration::from_mins(1)).is_err());
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
        let settings = HashingSettings {
            memory_kib,
            iterations,
            parallelism,
            ..SETTINGS
        };
        assert!(matches!(
            Hasher::start(settings, None),
            Err(HashingStartError::Parameters(_))
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
