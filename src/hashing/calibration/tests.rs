//! Recommendations from made-up measurements.

use proptest::prelude::*;

use super::*;
use crate::hashing::fit;

const MIB: u64 = 1024 * 1024;

/// The measurement of a machine of which each thread computes `work_kib` KiB × passes per second.
fn measured(cost: Cost, work_kib: f64) -> Measurement {
    let alone = work_kib / f64::from(u32::try_from(cost.work_kib()).unwrap());
    let threads = cost.memory().workers;
    let together = alone * f64::from(u32::try_from(threads).unwrap());
    let rate = |threads, per_second| Rate {
        threads,
        per_second,
    };
    Measurement {
        cost,
        alone: rate(1, alone),
        together: rate(threads, together),
    }
}

fn all(work_kib: f64) -> Vec<Measurement> {
    COSTS.map(|(cost, _)| measured(cost, work_kib)).to_vec()
}

fn wanted(logins_per_second: u32, latency: u64) -> LoginTarget {
    LoginTarget {
        logins_per_second,
        latency: Duration::from_millis(latency),
    }
}

#[test]
fn costs_that_serve_refuses_are_measured_and_marked() {
    let verdicts = COSTS.map(|(cost, _)| cost.acceptance());
    let count = |wanted: Acceptance| {
        verdicts
            .iter()
            .filter(|verdict| **verdict == wanted)
            .count()
    };
    assert_eq!(count(Acceptance::BelowFloor), 3);
    assert_eq!(
        count(Acceptance::BeyondCaps(ParametersError::Memory)),
        1,
        "2 GiB"
    );
    assert_eq!(count(Acceptance::Accepted), 7);
}

#[test]
fn the_highest_cost_that_meets_the_target_is_recommended() {
    // 2 GiB × passes a second and thread: 51 hashes of the default cost.
    let all = all(2_000_000.0);
    let cost = |wanted| recommend(&all, wanted, None).map(|best| best.cost.work_kib());
    assert_eq!(cost(wanted(1, 60_000)), Some(131_072 * 4));
    // 2 hashes of 131,072 KiB × 4 take 524 ms.
    assert_eq!(cost(wanted(1, 524)), Some(131_072 * 2));
    assert_eq!(cost(wanted(1, 50)), Some(47_104));
    assert_eq!(cost(wanted(1, 40)), Some(19_456 * 2));
    assert_eq!(cost(wanted(1, 20)), None);
    assert_eq!(cost(wanted(u32::MAX, 60_000)), None);
    assert_eq!(fastest(&all, None).unwrap().cost, Cost::new(19_456, 2, 1));
}

#[test]
fn a_fifth_of_the_rate_is_kept_for_bursts() {
    let mut one = measured(Cost::new(19_456, 2, 1), 2_000_000.0);
    one.together.per_second = 100.0;
    assert!(one.meets(wanted(80, 60_000)));
    assert!(!one.meets(wanted(81, 60_000)));
}

#[test]
fn the_time_of_another_cost_follows_from_memory_and_passes() {
    let one = measured(Cost::new(19_456, 2, 1), 2_000_000.0);
    let expected = one.estimate_time(Cost::new(2_097_152, 1, 4)).as_secs_f64();
    assert!((1.04..1.06).contains(&expected), "{expected}");
}

/// (W54) The number of workers is that of this machine, whatever the limit.
#[test]
fn a_cost_that_does_not_fit_is_neither_recommended_nor_given_memory() {
    let all = all(2_000_000.0);
    assert!(recommend(&all, wanted(1, 60_000), Some(128 * MIB)).is_none());
    assert!(fastest(&all, Some(128 * MIB)).is_none());

    let needed = Memory {
        workers: 2,
        memory_kib: 65_536,
    };
    assert_eq!(check_free_memory(needed, None), Ok(()));
    assert_eq!(check_free_memory(needed, Some(160 * MIB)), Ok(()));
    assert_eq!(
        check_free_memory(needed, Some(160 * MIB - 1))
            .unwrap_err()
            .to_string(),
        "2 workers × 65536 KiB + 208 MiB = 336 MiB, but only 159 MiB are free"
    );
}

proptest! {
    #[test]
    fn a_recommended_cost_is_accepted_by_serve(
        work_kib in 1e3..1e9_f64,
        logins in 1..10_000_u32,
        latency in 1..60_000_u64,
        limit_mib in 64..65_536_u64,
    ) {
        let all = all(work_kib);
        let limit = Some(limit_mib * MIB);
        if let Some(best) = recommend(&all, wanted(logins, latency), limit) {
            prop_assert!(meets_floor(best.cost.memory_kib, best.cost.iterations));
            prop_assert_eq!(best.cost.acceptance(), Acceptance::Accepted);
            let memory = best.cost.memory();
            prop_assert_eq!(fit(memory.workers, memory.memory_kib, limit), Ok(()));
            prop_assert!(best.sustained_rate() >= f64::from(logins));
            prop_assert!(best.latency() <= Duration::from_millis(latency));
        }
    }
}
