//! What becomes of a number of verifications a second: the engine itself under load, with its queue
//! and its refusals, and without anything else in the way.

use std::time::Duration;

use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

use super::super::{Hasher, HashingError, fair_queue::Lane, stored::StoredHash};

/// How long a verification is waited for, as `serve` waits unless told otherwise.
const PATIENCE: Duration = Duration::from_secs(10);

/// What became of them.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadResult {
    /// How many there were.
    pub offered: usize,
    /// How many were refused.
    pub refused: usize,
    /// How many found no end in time, or none at all.
    pub failed: usize,
    /// From the first arrival to the last end.
    pub time: Duration,
    /// What those that ended took, from when they were due; in order.
    latencies: Vec<Duration>,
}

impl LoadResult {
    /// How many ended.
    pub fn answered(&self) -> usize {
        self.latencies.len()
    }

    /// How many ended each second.
    pub fn per_second(&self) -> f64 {
        let answered = u32::try_from(self.answered()).unwrap_or(u32::MAX);
        f64::from(answered) / self.time.as_secs_f64()
    }

    /// The time within which so many of a hundred ended; `None` when none did.
    pub fn percentile(&self, of_100: usize) -> Option<Duration> {
        let rank = (self.latencies.len() * of_100).div_ceil(100);
        self.latencies.get(rank.saturating_sub(1)).copied()
    }
}

/// How many there are of so many each second within `time`: at 0, and whenever one is due after that.
pub fn count_arrivals(per_second: u32, time: Duration) -> usize {
    let arrivals = (time * per_second).as_nanos().div_ceil(1_000_000_000);
    usize::try_from(arrivals).unwrap_or(usize::MAX)
}

/// Verifies so many each second, evenly and whatever becomes of the ones before, for `time`; tells
/// `arrived` of each.
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

/// One verification, and what it took from when it was due: a late start is the engine's doing too.
async fn verify(hasher: Hasher, due: Instant) -> Result<Duration, HashingError> {
    let stored = StoredHash::without_tag(hasher.0.current, [7; 16]);
    let deadline = due + PATIENCE;
    hasher
        .compute_tag(Lane::Login, b"calibration", &stored, deadline)
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
        max_wait: PATIENCE,
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
    async fn what_the_engine_bears_is_answered() {
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
    async fn what_it_refuses_or_loses_is_counted() {
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
