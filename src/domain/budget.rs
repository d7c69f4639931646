//! A budget: so many uses at once, and as many again within a period. What is spent is one instant, by
//! the generic cell rate algorithm (ITU-T I.371).

use std::time::Duration;

use chrono::TimeDelta;

use super::Timestamp;

/// How much may be used, and in which time that is restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// The uses that are allowed at once.
    pub uses: u32,
    /// The time in which as many are allowed again, one after the other.
    pub period: Duration,
}

impl Budget {
    /// So many uses an hour.
    pub const fn hourly(uses: u32) -> Self {
        let period = Duration::from_hours(1);
        Self { uses, period }
    }

    /// How far a use moves the instant until which the budget is spent in advance.
    pub fn cost(&self) -> Duration {
        self.period / self.uses.max(1)
    }

    /// Whether one more use is allowed.
    ///
    /// # Errors
    /// When it will be.
    pub fn admit(&self, spent_until: Option<Timestamp>, now: Timestamp) -> Result<(), Duration> {
        let ahead = spent_until.map_or(TimeDelta::zero(), |until| until - now);
        // More than that is never spent in advance: the clock was set back.
        let ahead = ahead.to_std().unwrap_or_default();
        if ahead > 2 * self.period {
            return Ok(());
        }
        match (ahead + self.cost()).checked_sub(self.period) {
            Some(wait) if !wait.is_zero() => Err(wait),
            Some(_) | None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: Budget = Budget::hourly(100);

    fn at(seconds: i64) -> Timestamp {
        chrono::DateTime::from_timestamp(1_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn so_many_uses_are_allowed_at_once_and_as_many_in_a_period() {
        let mut spent = at(0);
        for used in 0..100 {
            assert_eq!(BUDGET.admit(Some(spent), at(0)), Ok(()), "{used}");
            spent += BUDGET.cost();
        }
        let second = Duration::from_secs(1);
        assert_eq!(BUDGET.admit(Some(spent), at(0)), Err(36 * second));
        assert_eq!(BUDGET.admit(Some(spent), at(30)), Err(6 * second));
        assert_eq!(BUDGET.admit(Some(spent), at(36)), Ok(()));
        assert_eq!(BUDGET.admit(None, at(0)), Ok(()));
    }

    /// (C4)
    #[test]
    fn a_clock_that_is_set_back_keeps_nobody_waiting() {
        assert_eq!(BUDGET.admit(Some(at(0)), at(-7_201)), Ok(()));
    }
}
