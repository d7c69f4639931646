//! The only source of the time of day, so that a test can move it.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// An instant, cut to microseconds: what both databases keep, so that what is answered equals what
/// is read back.
pub type Timestamp = DateTime<Utc>;

/// The system's clock, which may be corrected, or one that a test moves. Clones show the same time.
#[derive(Debug, Clone, Default)]
pub struct Clock(Arc<Source>);

#[derive(Debug)]
enum Source {
    /// The system's, and by how many microseconds it is corrected.
    System(AtomicI64),
    /// The microseconds at which it stands.
    Standing(AtomicI64),
}

impl Default for Source {
    fn default() -> Self {
        Self::System(AtomicI64::new(0))
    }
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that stands at an instant until it is moved.
    pub fn standing_at(instant: Timestamp) -> Self {
        let at = AtomicI64::new(instant.timestamp_micros());
        Self(Arc::new(Source::Standing(at)))
    }

    /// Now, in microseconds.
    pub fn now(&self) -> Timestamp {
        from_micros(match &*self.0 {
            Source::System(correction) => system_micros() + correction.load(Ordering::SeqCst),
            Source::Standing(at) => at.load(Ordering::SeqCst),
        })
    }

    /// By how much the system's clock is corrected. `None`: a test moves this clock, and it alone.
    pub fn correction(&self) -> Option<TimeDelta> {
        match &*self.0 {
            Source::System(micros) => Some(TimeDelta::microseconds(micros.load(Ordering::SeqCst))),
            Source::Standing(_) => None,
        }
    }

    /// Corrects the system's clock, from now on by so much.
    pub fn correct(&self, by: TimeDelta) {
        if let Source::System(micros) = &*self.0 {
            let by = by.num_microseconds().unwrap_or(0);
            micros.store(by, Ordering::SeqCst);
        }
    }

    /// Moves a standing clock forward; the system's clock cannot be moved.
    pub fn advance(&self, by: Duration) {
        if let Source::Standing(at) = &*self.0 {
            at.fetch_add(micros(by), Ordering::SeqCst);
        }
    }

    /// Moves a standing clock back, as an operator does to the system's clock.
    pub fn set_back(&self, by: Duration) {
        if let Source::Standing(at) = &*self.0 {
            at.fetch_sub(micros(by), Ordering::SeqCst);
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
    fn a_standing_clock_moves_only_when_it_is_moved() {
        let clock = Clock::standing_at(from_micros(1_700_000_000_000_000));
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
        clock.correct(-hour);
        assert!(clone.now() < before && clone.now() >= before - hour);
        assert_eq!(clone.correction(), Some(-hour));
        let standing = Clock::standing_at(before);
        standing.correct(hour);
        assert_eq!((standing.now(), standing.correction()), (before, None));
    }

    #[test]
    fn now_has_whole_microseconds() {
        assert_eq!(Clock::system().now().timestamp_subsec_nanos() % 1000, 0);
    }
}
