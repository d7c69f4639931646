//! The only source of the time of day, so that a test can move it.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use std::time::Duration;

use chrono::{DateTime, Utc};

/// An instant, cut to microseconds: what both databases keep, so that what is answered equals what
/// is read back.
pub type Instant = DateTime<Utc>;

/// The system's clock, or one that a test moves.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    moved: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that stands at an instant until it is moved. Its clones move with it.
    pub fn standing_at(instant: Instant) -> Self {
        Self {
            moved: Some(Arc::new(AtomicI64::new(instant.timestamp_micros()))),
        }
    }

    /// Now, in microseconds.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the system's clock"
    )]
    pub fn now(&self) -> Instant {
        let micros = match &self.moved {
            Some(moved) => moved.load(Ordering::SeqCst),
            None => Utc::now().timestamp_micros(),
        };
        from_micros(micros)
    }

    /// Moves a standing clock forward; the system's clock cannot be moved.
    pub fn advance(&self, by: Duration) {
        if let Some(moved) = &self.moved {
            moved.fetch_add(micros(by), Ordering::SeqCst);
        }
    }

    /// Moves a standing clock back, as an operator does to the system's clock.
    pub fn set_back(&self, by: Duration) {
        if let Some(moved) = &self.moved {
            moved.fetch_sub(micros(by), Ordering::SeqCst);
        }
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

fn from_micros(micros: i64) -> Instant {
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
    fn now_has_whole_microseconds() {
        assert_eq!(Clock::system().now().timestamp_subsec_nanos() % 1000, 0);
    }
}
