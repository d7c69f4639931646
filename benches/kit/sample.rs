//! What was seen in one window: every latency, so that a percentile is exact.

use std::time::Duration;

use crate::machine::CpuTime;

/// Answers within one window.
#[derive(Default)]
pub(crate) struct Sample {
    /// The length of the window.
    pub(crate) seconds: f64,
    /// Latencies of what was answered as it should be.
    pub(crate) good: Latencies,
    /// Latencies of what was refused with UNAVAILABLE.
    pub(crate) refused: Latencies,
    /// How late the driver itself was with what it had to send at a given instant.
    pub(crate) late: Latencies,
    /// What the cores did meanwhile.
    pub(crate) cpu: CpuTime,
}

/// Times, in no order.
#[derive(Default)]
pub(crate) struct Latencies(Vec<Duration>);

impl Sample {
    /// Good answers in a second.
    pub(crate) fn per_second(&self) -> f64 {
        self.good.count() as f64 / self.seconds
    }

    /// Takes in what another thread saw in the same window.
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

    /// The time that `share` (0 to 1) of them do not exceed, in milliseconds; 0 when there are none.
    pub(crate) fn percentile(&mut self, share: f64) -> f64 {
        if self.0.is_empty() {
            return 0.0;
        }
        let rank = (share * self.0.len() as f64).ceil() as usize;
        let index = rank.clamp(1, self.0.len()) - 1;
        self.0.select_nth_unstable(index).1.as_secs_f64() * 1e3
    }
}
