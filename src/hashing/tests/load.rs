//! The queue under load. A hook holds hashes, and a call that was polled once has been admitted or
//! refused, so nothing here sleeps.

use std::{pin::Pin, thread};

use futures_util::FutureExt;

use super::*;

/// Holds every hash until it is released. Once the gate is dropped, hashes run freely.
struct HashGate {
    started: mpsc::Receiver<()>,
    release: mpsc::Sender<()>,
}

impl HashGate {
    fn new() -> (Self, BeforeHash) {
        let (start, started) = mpsc::channel();
        let (release, released) = mpsc::channel();
        let (start, released) = (Mutex::new(start), Mutex::new(released));
        let before_hash = move |_: &str| {
            start.lock().unwrap().send(()).ok();
            released.lock().unwrap().recv().ok();
        };
        (Self { started, release }, Arc::new(before_hash))
    }

    fn wait_until_started(&self) {
        self.started.recv_timeout(Duration::from_mins(1)).unwrap();
    }

    fn has_started_another(&self) -> bool {
        self.started.try_recv().is_ok()
    }

    fn release_one(&self) {
        self.release.send(()).unwrap();
    }
}

fn start_held(settings: HashingSettings) -> (Hasher, HashGate) {
    let (gate, before_hash) = HashGate::new();
    (Hasher::start(settings, Some(before_hash)).unwrap(), gate)
}

/// Polls a call once and asserts that it was admitted and waits.
fn admitted<'a, T>(call: impl Future<Output = T> + 'a) -> Pin<Box<dyn Future<Output = T> + 'a>> {
    let mut call = Box::pin(call);
    assert!(call.as_mut().now_or_never().is_none(), "answered at once");
    call
}

fn waiting_running(hasher: &Hasher) -> (usize, usize) {
    let metrics = hasher.metrics();
    (metrics.waiting, metrics.running)
}

/// (W17)
#[tokio::test]
async fn a_full_queue_refuses_at_once_and_serves_the_admitted_jobs() {
    let (hasher, gate) = start_held(SETTINGS);
    let running = admitted(hash(&hasher));
    gate.wait_until_started();
    let waiting = [admitted(hash(&hasher)), admitted(hash(&hasher))];
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

/// (X10) (W14) A caller that has left frees its place in the queue, but not a running thread.
#[tokio::test]
async fn a_cancelled_job_never_starts_and_a_running_one_keeps_its_slot() {
    let (hasher, gate) = start_held(SETTINGS);
    let running = admitted(hash(&hasher));
    gate.wait_until_started();
    for _ in 0..100 {
        drop(admitted(hash(&hasher)));
    }
    drop(running);
    assert_eq!(hasher.metrics().running, 1);

    let last = admitted(hash(&hasher));
    gate.release_one();
    gate.wait_until_started();
    gate.release_one();
    last.await.unwrap();
    assert!(!gate.has_started_another());
    assert_eq!(waiting_running(&hasher), (0, 0));
}

/// (W13)
#[tokio::test]
async fn a_deadline_that_passed_on_arrival_or_while_waiting_starts_nothing() {
    let (hasher, gate) = start_held(SETTINGS);
    let late = hasher.hash_password(new_password(), [7; 16], Flow::Rest, Instant::now());
    assert_eq!(late.await, Err(HashingError::DeadlineExceeded));

    let running = admitted(hash(&hasher));
    gate.wait_until_started();
    let deadline = Instant::now() + Duration::from_millis(20);
    let waiting = hasher.hash_password(new_password(), [7; 16], Flow::Rest, deadline);
    assert_eq!(waiting.await, Err(HashingError::DeadlineExceeded));

    gate.release_one();
    running.await.unwrap();
    hasher.stop();
    assert!(!gate.has_started_another());
}

#[tokio::test]
async fn a_registration_is_served_after_one_login_however_many_wait() {
    let (hasher, gate) = start_held(HashingSettings {
        queue: 64,
        max_wait: Duration::from_mins(1),
        ..SETTINGS
    });
    let running = admitted(verify(&hasher, PASSWORD, None));
    gate.wait_until_started();
    let flood: Vec<_> = iter::repeat_with(|| verify(&hasher, PASSWORD, None))
        .map_while(|call| {
            let mut call = Box::pin(call);
            call.as_mut().now_or_never().is_none().then_some(call)
        })
        .collect();
    assert_eq!(flood.len(), 56);
    let registration = admitted(hash(&hasher));

    for _ in 0..3 {
        gate.release_one();
    }
    registration.await.unwrap();
    assert!(matches!(running.await, Ok(Verification::Mismatch)));
    assert!(hasher.metrics().waiting >= flood.len() - 2);
    drop(flood);
}

#[tokio::test]
async fn hashes_above_the_configured_memory_run_one_at_a_time_and_lighter_ones_pass() {
    let (hasher, gate) = start_held(HashingSettings {
        workers: 3,
        queue: 8,
        ..SETTINGS
    });
    let heavy = foreign_hash(128, 1);
    let heavies = [
        admitted(verify(&hasher, PASSWORD, Some(heavy.clone()))),
        admitted(verify(&hasher, PASSWORD, Some(heavy))),
    ];
    gate.wait_until_started();
    let light = admitted(hash(&hasher));
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
    let (hasher, gate) = start_held(SETTINGS);
    let rehash = || hasher.rehash(VerifiedPassword(attempt(PASSWORD)), [9; 16]);
    let running = admitted(hash(&hasher));
    gate.wait_until_started();
    assert_eq!(rehash().now_or_never(), Some(None));
    let waiting = admitted(hash(&hasher));
    assert_eq!(rehash().now_or_never(), Some(None));

    drop(gate);
    running.await.unwrap();
    waiting.await.unwrap();
    assert!(rehash().await.is_some());
    assert_eq!(hasher.metrics().counters.rehashed.get(), 1);
    hasher.stop();
    assert_eq!(rehash().now_or_never(), Some(None));
}

#[tokio::test]
async fn stopping_drops_what_waits_and_ends_what_runs() {
    let (hasher, gate) = start_held(SETTINGS);
    let running = admitted(hash(&hasher));
    gate.wait_until_started();
    let waiting = admitted(hash(&hasher));

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
