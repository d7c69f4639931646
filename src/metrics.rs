//! The instruments that layers keep: prometheus-client's counters, and its histogram for durations.
//! `server/metrics.rs` declares what they are called.

use std::time::Duration;

pub(crate) use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;

/// The upper bounds of the buckets in seconds, from half a session check to the longest call.
const BOUNDS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Durations by bucket. A clone shares the buckets.
#[derive(Debug, Clone)]
pub(crate) struct DurationHistogram(Histogram);

impl DurationHistogram {
    pub(crate) fn observe(&self, duration: Duration) {
        self.0.observe(duration.as_secs_f64());
    }

    pub(crate) fn inner(&self) -> &Histogram {
        &self.0
    }
}

impl Default for DurationHistogram {
    fn default() -> Self {
        Self(Histogram::new(BOUNDS))
    }
}
