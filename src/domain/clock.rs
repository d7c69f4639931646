//! The only source of the time of day, which tests replace by a clock that they move.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// A time of day in UTC with whole microseconds, the precision of both databases: an answer before
/// a write equals an answer after reading it back.
pub type Timestamp = DateTime<Utc>;

/// The system's clock with a correction, or a manual clock of a test. Clones show the same time.
#[derive(Debug, Clone, Default)]
pub struct Clock(Arc<TimeSource>);

#[derive(Debug)]
enum TimeSource {
    /// The correction of the system's clock in microseconds.
    System(AtomicI64),
    /// The time of a manual clock in microseconds since 1970.
    Manual(AtomicI64),
}

impl Default for TimeSource {
    fn default() -> Self {
        Self::System(AtomicI64::new(0))
    }
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that shows a time until it is moved.
    pub fn manual(time: Timestamp) -> Self {
        let micros = AtomicI64::new(time.timestamp_micros());
        Self(Arc::new(TimeSource::Manual(micros)))
    }

    pub fn now(&self) -> Timestamp {
        from_micros(match &*self.0 {
            TimeSource::System(correction) => system_micros() + correction.load(Ordering::SeqCst),
            TimeSource::Manual(micros) => micros.load(Ordering::SeqCst),
        })
    }

    /// The correction of the system's clock. `None` for a manual clock, which is not corrected.
    pub fn correction(&self) -> Option<TimeDelta> {
        match &*self.0 {
            TimeSource::System(micros) => {
                Some(TimeDelta::microseconds(micros.load(Ordering::SeqCst)))
            }
            TimeSource::Manual(_) => None,
        }
    }

    /// Replaces the correction of the system's clock.
    pub fn set_correction(&self, correction: TimeDelta) {
        if let TimeSource::System(micros) = &*self.0 {
            let correction = correction.num_microseconds().unwrap_or(0);
            micros.store(correction, Ordering::SeqCst);
        }
    }

    /// Moves a manual clock forward; the system's clock is not changed.
    pub fn advance(&self, by: Duration) {
        if let TimeSource::Manual(time) = &*self.0 {
            time.fetch_add(micros(by), Ordering::SeqCst);
        }
    }

    /// Moves a manual clock back; the system's clock is not changed.
    pub fn set_back(&self, by: Duration) {
        if let TimeSource::Manual(time) = &*self.0 {
            time.fetch_sub(micros(by), Ordering::SeqCst);
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the system's clock"
)]
fn system_micros() -> i64 {
    Utc::now().timestamp_micros()
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

fn from_micros(micros: i64) -> Timestamp {
    DateTime::from_timestamp_micros(micros).unwrap_or(DateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_it_is_moved() {
        let clock = Clock::manual(from_micros(1_700_000_000_000_000));
        let clone = clock.clone();
        assert_eq!(clock.now(), clone.now());
        clock.advance(Duration::from_hours(1));
        assert_eq!(
            (clone.now().timestamp_micros() - 1_700_000_000_000_000) / 1_000_000,
            3600
        );
    }

    #[test]
    fn only_the_systems_clock_is_corrected() {
        let (hour, clock) = (TimeDelta::hours(1), Clock::system());
        let (before, clone) = (clock.now(), clock.clone());
        clock.set_correction(-hour);
        assert!(clone.now() < before && clone.now() >= before - hour);
        assert_eq!(clone.correction(), Some(-hour));
        let manual = Clock::manual(before);
        manual.set_correction(hour);
        assert_eq!((manual.now(), manual.correction()), (before, None));
    }

    #[test]
    fn now_has_whole_microseconds() {
        assert_eq!(Clock::system().now().timestamp_subsec_nanos() % 1000, 0);
    }
}
