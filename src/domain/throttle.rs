//! How wrong secrets slow down further tries (NIST SP 800-63B-4 §3.2.2, OWASP ASVS 5.0 §6.3.1).
//!
//! Failures are counted for each account, whether or not it exists, and for each source. A source from
//! which the account logged in lately has a count of its own, so that others lock nobody out.

use std::time::Duration;

use chrono::TimeDelta;

use super::{Budget, Timestamp};

/// For this long after a login, its source is a known one of the account.
pub const KNOWN_FOR: TimeDelta = TimeDelta::days(30);

/// The delay after the first failure that has one. It doubles with each further failure.
const FIRST_DELAY: Duration = Duration::from_secs(1);

/// How many failures are allowed, and how long the delays are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThrottlePolicy {
    /// Consecutive failures of an account that delay nothing.
    pub failures: u32,
    /// Consecutive failures of an account after which no delay is long enough.
    pub failures_max: u32,
    /// The longest delay.
    pub longest_delay: Duration,
    /// The failures of a source, over all accounts.
    pub source: Budget,
    /// The registrations of a source.
    pub registrations: Budget,
}

/// Consecutive failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failures {
    pub count: u32,
    /// The time of the last one.
    pub last: Timestamp,
}

/// What is known of an account and a source before a secret is checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Throttled {
    /// The account's failures.
    pub account: Option<Failures>,
    /// When the account's failures were last forgotten, those of its known sources with them.
    pub cleared_at: Option<Timestamp>,
    /// The time until which the failures of the source have spent its budget in advance.
    pub source_spent_until: Option<Timestamp>,
    /// Of a source that the account logged in from: the last login.
    pub known_since: Option<Timestamp>,
    /// Of such a source: its failures since, with this account.
    pub known: Option<Failures>,
}

impl Throttled {
    /// Whether the account logged in from this source lately.
    pub fn is_known(&self, now: Timestamp) -> bool {
        self.known_since
            .is_some_and(|login| now - login < KNOWN_FOR)
    }

    fn is_cleared(&self, failures: &Failures) -> bool {
        self.cleared_at.is_some_and(|at| failures.last <= at)
    }

    /// Whether a success has anything to clear.
    pub fn has_failures(&self) -> bool {
        self.account.is_some() || self.known.is_some()
    }
}

/// Why a secret is not checked now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// When to try again.
    pub wait: Duration,
    /// Whether the source has spent its budget, whatever the account.
    pub by_source: bool,
}

impl ThrottlePolicy {
    /// Whether a secret may be checked now.
    ///
    /// # Errors
    /// What refuses it, and when to try again.
    pub fn admit(&self, state: &Throttled, now: Timestamp) -> Result<(), Refusal> {
        let of_account = |wait| Refusal {
            wait,
            by_source: false,
        };
        if state.is_known(now) {
            let known = state.known.filter(|failures| !state.is_cleared(failures));
            return self.admit_after(known, now).map_err(of_account);
        }
        let by_account = self.admit_after(state.account, now);
        match (by_account, self.source.admit(state.source_spent_until, now)) {
            (by_account, Ok(())) => by_account.map_err(of_account),
            (by_account, Err(wait)) => Err(Refusal {
                wait: by_account.map_or_else(|other| other.max(wait), |()| wait),
                by_source: true,
            }),
        }
    }

    fn admit_after(&self, failures: Option<Failures>, now: Timestamp) -> Result<(), Duration> {
        let Some(Failures { count, last }) = failures else {
            return Ok(());
        };
        if count >= self.failures_max {
            return Err(self.longest_delay);
        }
        // Either way: a clock that was set back must not make the wait longer.
        let passed = (now - last).abs().to_std().unwrap_or(Duration::MAX);
        match self.delay(count).checked_sub(passed) {
            Some(left) if !left.is_zero() => Err(left),
            Some(_) | None => Ok(()),
        }
    }

    /// The delay after so many failures.
    fn delay(&self, count: u32) -> Duration {
        match count.checked_sub(self.failures) {
            Some(doublings) => {
                let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
                FIRST_DELAY.saturating_mul(factor).min(self.longest_delay)
            }
            None => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: ThrottlePolicy = ThrottlePolicy {
        failures: 5,
        failures_max: 100,
        longest_delay: Duration::from_mins(15),
        source: Budget::hourly(100),
        registrations: Budget::hourly(100),
    };

    fn at(seconds: i64) -> Timestamp {
        chrono::DateTime::from_timestamp(1_000_000 + seconds, 0).unwrap()
    }

    fn failed(count: u32) -> Failures {
        let last = at(0);
        Failures { count, last }
    }

    fn wait(state: Throttled, seconds: i64) -> u64 {
        POLICY
            .admit(&state, at(seconds))
            .map_or_else(|refusal| refusal.wait.as_secs(), |()| 0)
    }

    #[test]
    fn the_delay_doubles_after_the_fifth_failure_up_to_the_longest() {
        for (count, delay) in [
            (0, 0),
            (4, 0),
            (5, 1),
            (6, 2),
            (7, 4),
            (14, 512),
            (15, 900),
            (60, 900),
            (99, 900),
        ] {
            let account = Some(failed(count));
            let state = Throttled {
                account,
                ..Throttled::default()
            };
            assert_eq!(wait(state, 0), delay, "{count} failures");
            let passed = i64::try_from(delay).unwrap();
            assert_eq!(wait(state, passed), 0, "{count} failures, after the delay");
        }
    }

    /// (T1) NIST SP 800-63B-4 §3.2.2
    #[test]
    fn no_delay_is_long_enough_after_a_hundred_failures() {
        let state = Throttled {
            account: Some(failed(100)),
            ..Throttled::default()
        };
        assert_eq!(wait(state, 0), 900);
        assert_eq!(wait(state, 10_000_000), 900);
    }

    /// (C4)
    #[test]
    fn a_clock_that_is_set_back_lengthens_no_delay() {
        let state = Throttled {
            account: Some(failed(10)),
            ..Throttled::default()
        };
        assert_eq!(wait(state, -3_600), 0);
        assert_eq!(wait(state, -30), 2);
    }

    /// (T4)
    #[test]
    fn a_known_source_has_a_count_of_its_own() {
        let others = Throttled {
            account: Some(failed(100)),
            source_spent_until: Some(at(100_000)),
            known_since: Some(at(-1_000)),
            ..Throttled::default()
        };
        assert_eq!(wait(others, 0), 0);
        assert_eq!(
            wait(
                Throttled {
                    known: Some(failed(6)),
                    ..others
                },
                0
            ),
            2
        );
        assert_eq!(
            wait(
                Throttled {
                    known: Some(failed(100)),
                    ..others
                },
                100_000
            ),
            900
        );
        let long_ago = KNOWN_FOR.num_seconds();
        assert_eq!(wait(others, long_ago - 1_001), 0);
        assert_eq!(wait(others, long_ago - 1_000), 900);
    }
}
