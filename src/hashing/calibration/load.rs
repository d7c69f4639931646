//! Puts a rate of verifications on the engine alone, with its queue and its refusals, and reports what
//! was answered.

use std::time::Duration;

use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

use super::super::{Flow, Hasher, HashingError, fair_queue::Lane, stored::StoredHash};

/// The deadline of a verification, as long as the default deadline of `serve`.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// The outcomes of the verifications.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadResult {
    /// The number of verifications.
    pub offered: usize,
    /// How many were refused as overload.
    pub refused: usize,
    /// How many missed their deadline or failed.
    pub failed: usize,
    /// The time from the first arrival to the last answer.
    pub time: Duration,
    /// The sorted times from the due arrival to the answer.
    latencies: Vec<Duration>,
}

impl LoadResult {
    /// How many were answered.
    pub fn answered(&self) -> usize {
        self.latencies.len()
    }

    /// The answers per second.
    pub fn per_second(&self) -> f64 {
        let answered = u32::try_from(self.answered()).unwrap_or(u32::MAX);
        f64::from(answered) / self.time.as_secs_f64()
    }

    /// The time within which `percent` of the answers came; `None`: there was no answer.
    pub fn percentile(&self, percent: usize) -> Option<Duration> {
        let rank = (self.latencies.len() * percent).div_ceil(100);
        self.latencies.get(rank.saturating_sub(1)).copied()
    }
}

/// The number of arrivals within `time` at a rate of `per_second`, of which the first is at 0.
pub fn count_arrivals(per_second: u32, time: Duration) -> usize {
    let arrivals = (time * per_second).as_nanos().div_ceil(1_000_000_000);
    usize::try_from(arrivals).unwrap_or(usize::MAX)
}

/// Starts `per_second` verifications each second for `time`, evenly and without waiting for earlier ones.
/// Calls `arrived` for each.
pub async fn run_load(
    hasher: &Hasher,
    per_second: u32,
    time: Duration,
    arrived: impl Fn(),
) -> LoadResult {
    let mut calls = JoinSet::new();
    let start = Instant::now();
    for index in 0..count_arrivals(per_second, time) {
        let after = Duration::from_secs(index as u64) / per_second;
        sleep_until(start + after).await;
        calls.spawn(verify(hasher.clone(), start + after));
        arrived();
    }
    let offered = calls.len();
    let outcomes = calls.join_all().await;
    let count = |wanted: fn(&HashingError) -> bool| {
        let errors = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
        errors.filter(|error| wanted(error)).count()
    };
    let refused = count(|error| matches!(error, HashingError::Overloaded { .. }));
    let failed = count(|error| !matches!(error, HashingError::Overloaded { .. }));
    let mut latencies: Vec<Duration> = outcomes.into_iter().flatten().collect();
    latencies.sort_unstable();
    LoadResult {
        offered,
        refused,
        failed,
        time: start.elapsed(),
        latencies,
    }
}

/// Verifies once and returns the time since `due`: a late start is also due to the engine.
async fn verify(hasher: Hasher, due: Instant) -> Result<Duration, HashingError> {
    let stored = StoredHash::without_tag(hasher.0.current, [7; 16]);
    let deadline = due + CALL_TIMEOUT;
    hasher
        .compute_tag(
            (Lane::Login, Flow::default()),
            b"calibration",
            &stored,
            deadline,
        )
        .await?;
    Ok(due.elapsed())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::hashing::{BeforeHash, HashingSettings};

    const SETTINGS: HashingSettings = HashingSettings {
        memory_kib: 64,
        iterations: 1,
        parallelism: 1,
        workers: 2,
        queue: 100,
        max_wait: CALL_TIMEOUT,
    };
    const TIME: Duration = Duration::from_millis(20);

    #[test]
    fn arrivals_are_those_before_the_end() {
        for (per_second, millis, arrivals_then) in [(100, 50, 5), (100, 51, 6), (1, 10, 1)] {
            let time = Duration::from_millis(millis);
            assert_eq!(count_arrivals(per_second, time), arrivals_then);
        }
    }

    #[tokio::test]
    async fn load_within_the_capacity_is_answered() {
        let hasher = Hasher::start(SETTINGS, None).unwrap();
        let arrived = AtomicUsize::new(0);
        let load = run_load(&hasher, 1000, TIME, || {
            arrived.fetch_add(1, Ordering::Relaxed);
        })
        .await;
        assert_eq!((load.offered, load.answered()), (20, 20));
        assert_eq!((load.refused, load.failed), (0, 0));
        assert_eq!(arrived.into_inner(), 20);
        assert!(load.percentile(50) <= load.percentile(99));
        assert!(load.per_second() > 0.0);
    }

    #[tokio::test]
    async fn refused_and_failed_verifications_are_counted() {
        let break_all: BeforeHash = std::sync::Arc::new(|_| {
            std::panic::resume_unwind(Box::new(()));
        });
        let hasher = Hasher::start(SETTINGS, Some(break_all)).unwrap();
        let load = run_load(&hasher, 1000, TIME, || {}).await;
        assert_eq!((load.refused, load.failed), (0, 20));
        assert_eq!(load.percentile(50), None);

        let (release, held) = std::sync::mpsc::channel::<()>();
        let held = std::sync::Mutex::new(held);
        let wait: BeforeHash = std::sync::Arc::new(move |_| {
            held.lock().unwrap().recv().ok();
        });
        let settings = HashingSettings {
            workers: 1,
            queue: 0,
            ..SETTINGS
        };
        let hasher = Hasher::start(settings, Some(wait)).unwrap();
        let running = tokio::spawn(verify(hasher.clone(), Instant::now()));
        tokio::task::yield_now().await;
        let load = run_load(&hasher, 1000, TIME, || {}).await;
        assert_eq!((load.refused, load.failed), (20, 0));
        drop(release);
        running.await.unwrap().unwrap();
    }

    #[test]
    fn a_percentile_is_a_latency_that_was_seen() {
        let load = LoadResult {
            offered: 200,
            refused: 0,
            failed: 0,
            time: Duration::from_secs(2),
            latencies: (1..=200).map(Duration::from_millis).collect(),
        };
        assert_eq!(load.percentile(50), Some(Duration::from_millis(100)));
        assert_eq!(load.percentile(99), Some(Duration::from_millis(198)));
        assert!((load.per_second() - 100.0).abs() < 1e-9);
    }
}
