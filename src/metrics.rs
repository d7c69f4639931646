//! What the layers count of themselves. To count is a few atomic additions, without lock, allocation
//! or text; the metrics are read when somebody asks for them.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// A number of events; it only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn increment(&self) {
        self.add(1);
    }

    /// So many more.
    pub fn add(&self, events: u64) {
        self.0.fetch_add(events, Ordering::Relaxed);
    }

    /// How many so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The upper bounds of a [`Histogram`]'s buckets in microseconds, each part of its bucket: from half a
/// session check to the longest call.
pub const BOUNDS_MICROS: [u64; 14] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000,
];

/// Buckets of a [`Histogram`]: one for each bound, and one beyond them all.
const BUCKETS: usize = BOUNDS_MICROS.len() + 1;

/// How long something took, by buckets.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    nanoseconds: AtomicU64,
}

/// What a [`Histogram`] has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Distribution {
    /// Events by bucket, those of the bucket alone; the last one is beyond all bounds.
    pub buckets: [u64; BUCKETS],
    /// What all of them took together.
    pub sum: Duration,
}

impl Histogram {
    /// One more event, which took so long.
    pub fn record(&self, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_MICROS.partition_point(|bound| bound * 1_000 < nanoseconds);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// What was recorded. An event that is recorded meanwhile may be in the buckets and not yet in
    /// the sum.
    pub fn read(&self) -> Distribution {
        Distribution {
            buckets: self
                .buckets
                .each_ref()
                .map(|bucket| bucket.load(Ordering::Relaxed)),
            sum: Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed)),
        }
    }
}

impl Distribution {
    /// How many events.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_counted_in_the_first_bucket_that_reaches_to_it() {
        let histogram = Histogram::default();
        let (first, last) = (500_000, 10_000_000_000);
        for nanoseconds in [0, first, first + 1, last, last + 1] {
            histogram.record(Duration::from_nanos(nanoseconds));
        }
        let seen = histogram.read();
        let counts = [0, 1, 2, 13, 14].map(|bucket| seen.buckets[bucket]);
        assert_eq!(counts, [2, 1, 0, 1, 1]);
        assert_eq!(seen.count(), 5);
        assert_eq!(seen.sum, Duration::from_nanos(2 * (first + last) + 2));
    }

    #[test]
    fn the_bounds_rise() {
        assert!(BOUNDS_MICROS.is_sorted_by(|a, b| a < b));
    }
}
