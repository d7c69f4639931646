//! The section `throttle`.

use super::{Key, key::KeyDefault::Value, parse, reader::Reader};
use crate::domain::{Budget, ThrottlePolicy};

/// `VESTIBULE_THROTTLE_MODE`, default `on`.
const MODE: Key = Key::new(
    "throttle",
    "mode",
    Value("on"),
    "Whether wrong passwords slow down further tries: on or off",
);

/// `VESTIBULE_THROTTLE_FAILURES`, default `5`.
const FAILURES: Key = Key::new(
    "throttle",
    "failures",
    Value("5"),
    "Wrong passwords of an account in a row before it has to wait: 1 to 50",
);

/// `VESTIBULE_THROTTLE_FAILURES_MAX`, default `100`.
const FAILURES_MAX: Key = Key::new(
    "throttle",
    "failures_max",
    Value("100"),
    "Wrong passwords of an account in a row after which no new source may try: 10 to 100",
);

/// `VESTIBULE_THROTTLE_LONGEST_DELAY`, default `15m`.
const LONGEST_DELAY: Key = Key::new(
    "throttle",
    "longest_delay",
    Value("15m"),
    "Longest wait after a wrong password, which doubles from a second: 1m to 1d",
);

/// `VESTIBULE_THROTTLE_SOURCE_FAILURES`, default `100`.
const SOURCE_FAILURES: Key = Key::new(
    "throttle",
    "source_failures",
    Value("100"),
    "Wrong passwords of a source at once, and again in an hour: 10 to 100000",
);

/// `VESTIBULE_THROTTLE_REGISTRATIONS`, default `100`.
const REGISTRATIONS: Key = Key::new(
    "throttle",
    "registrations",
    Value("100"),
    "Registrations of a source at once, and again in an hour: 1 to 100000",
);

pub(super) const KEYS: &[&Key] = &[
    &MODE,
    &FAILURES,
    &FAILURES_MAX,
    &LONGEST_DELAY,
    &SOURCE_FAILURES,
    &REGISTRATIONS,
];

pub(super) struct ThrottleSection {
    /// `None`: wrong passwords slow down nothing.
    pub(super) policy: Option<ThrottlePolicy>,
}

pub(super) fn read_section(reader: &mut Reader<'_>) -> Option<ThrottleSection> {
    let is_on = reader.read(&MODE, parse::word(&[("on", true), ("off", false)]));
    let failures = reader.read(&FAILURES, parse::number(1..=50));
    let failures_max = reader.read(&FAILURES_MAX, parse::number(10..=100));
    let longest_delay = reader.read(&LONGEST_DELAY, parse::duration("1m"..="1d"));
    let source_failures = reader.read(&SOURCE_FAILURES, parse::number(10..=100_000));
    let registrations = reader.read(&REGISTRATIONS, parse::number(1..=100_000));
    let (failures, failures_max) = (failures?, failures_max?);
    if failures >= failures_max {
        reader.report_chosen(
            [&FAILURES, &FAILURES_MAX],
            "throttle.failures is not below throttle.failures_max",
            "lower throttle.failures or raise throttle.failures_max",
        );
        return None;
    }
    let policy = ThrottlePolicy {
        failures,
        failures_max,
        longest_delay: longest_delay?,
        source: Budget::hourly(source_failures?),
        registrations: Budget::hourly(registrations?),
    };
    let is_on = is_on?;
    if !is_on {
        reader.warn("throttle.mode is off: passwords can be guessed as fast as they are hashed");
    }
    Some(ThrottleSection {
        policy: is_on.then_some(policy),
    })
}
