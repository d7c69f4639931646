//! The answers within one window, with every latency, so that percentiles are exact.

use std::time::Duration;

use crate::machine::CpuTime;

/// Answers within one window.
#[derive(Default)]
pub(crate) struct Sample {
    pub(crate) seconds: f64,
    pub(crate) good: Latencies,
    pub(crate) refused: Latencies,
    /// How late the driver sent calls that were due at a given time.
    pub(crate) late: Latencies,
    pub(crate) cpu: CpuTime,
}

#[derive(Default)]
pub(crate) struct Latencies(Vec<Duration>);

impl Sample {
    /// Good answers in a second.
    pub(crate) fn per_second(&self) -> f64 {
        self.good.count() as f64 / self.seconds
    }

    /// Adds the answers of another thread in the same window.
    pub(crate) fn add(&mut self, mut other: Self) {
        self.good.0.append(&mut other.good.0);
        self.refused.0.append(&mut other.refused.0);
        self.late.0.append(&mut other.late.0);
    }
}

impl Latencies {
    pub(crate) fn push(&mut self, time: Duration) {
        self.0.push(time);
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The time that a `share` (0 to 1) does not exceed, in milliseconds; 0 without answers.
    pub(crate) fn percentile(&mut self, share: f64) -> f64 {
        if self.0.is_empty() {
            return 0.0;
        }
        let rank = (share * self.0.len() as f64).ceil() as usize;
        let index = rank.clamp(1, self.0.len()) - 1;
        self.0.select_nth_unstable(index).1.as_secs_f64() * 1e3
    }
}
