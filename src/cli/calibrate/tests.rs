//! What is measured, what is not, and what is said about it.

use super::{measurement::Unmeasured, *};
use crate::hashing::calibration::{LoginTarget, Rate};

const MIB: u64 = 1024 * 1024;
const CHEAP: Cost = Cost::new(64, 1, 1);
const NOW: Duration = Duration::from_nanos(1);

fn in_force(memory_kib: u32) -> HashingSettings {
    HashingSettings {
        memory_kib,
        iterations: 2,
        parallelism: 1,
        workers: 1,
        queue: 64,
        max_wait: Duration::from_secs(2),
    }
}

fn measured(cost: Cost, per_second: f64) -> Measurement {
    let rate = |threads| Rate {
        threads,
        per_second,
    };
    Measurement {
        cost,
        alone: rate(1),
        together: rate(1),
    }
}

#[test]
fn the_cost_in_force_is_measured_once() {
    let known = list_costs(in_force(19_456));
    assert_eq!(known.len(), COSTS.len());
    assert_eq!(known[0].1, "OWASP, default, in force");
    let other = list_costs(in_force(20_000));
    assert_eq!(other.len(), COSTS.len() + 1);
    assert_eq!(other[0], (Cost::new(20_000, 2, 1), "in force".to_owned()));
}

/// (W54)
#[test]
fn what_does_not_fit_or_would_take_too_long_is_not_measured() {
    let known = measured(CHEAP, 1000.0);
    let outcome = measure_both(CHEAP, NOW, Some(1), None);
    assert!(matches!(outcome, Err(Unmeasured::DoesNotFit(_))));
    let outcome = measure_both(CHEAP, NOW, None, Some(&known));
    assert!(matches!(outcome, Err(Unmeasured::TooSlow(time)) if time.as_millis() == 1));
    let outcome = measure_both(Cost::new(64, 0, 1), NOW, None, None);
    assert!(matches!(outcome, Err(Unmeasured::Failed(_))));
    let outcome = measure_both(CHEAP, NOW, None, None).unwrap();
    assert_eq!((outcome.cost, outcome.alone.threads), (CHEAP, 1));
}

#[test]
fn a_row_has_its_figures_or_the_reason_for_none() {
    let cost = Cost::new(12_288, 3, 1);
    let row = report::render_row(cost, "OWASP", &Ok(measured(cost, 40.0)));
    assert!(row.starts_with("   12288      3     1       40.0"), "{row}");
    assert!(row.ends_with("OWASP; below the floor: serve refuses it"));
    let slow = Unmeasured::TooSlow(Duration::from_millis(1500));
    assert!(
        report::render_row(Cost::new(32_768, 2, 1), "", &Err(slow))
            .ends_with("  not measured: a hash takes about 1500 ms; give it more --seconds")
    );
    assert!(report::render_heading(Some(512 * MIB)).contains("memory limit 512 MiB\n"));
}

#[test]
fn a_recommendation_is_lines_to_paste() {
    let wanted = LoginTarget {
        logins_per_second: 10,
        latency: Duration::from_millis(250),
    };
    let best = measured(Cost::new(65_536, 3, 4), 50.0);
    let text = report::render_recommendation(&best, wanted);
    for line in [
        "For 10 logins a second, the hash of each within 250 ms:",
        "VESTIBULE_HASHING_MEMORY_KIB=65536",
        "VESTIBULE_HASHING_ITERATIONS=3",
        "VESTIBULE_HASHING_PARALLELISM=4",
    ] {
        assert!(text.lines().any(|text| text == line), "{line} in {text}");
    }
    assert!(text.contains("They bear 40 within 40 ms."), "{text}");
    assert!(
        report::explain_no_recommendation(Some(&best), wanted)
            .contains("the most is 40 within 40 ms")
    );
}

#[test]
fn a_load_is_borne_when_all_are_answered_in_time() {
    let settings = HashingSettings {
        memory_kib: 64,
        iterations: 1,
        ..in_force(64)
    };
    let load = measure_load(settings, 100, Duration::from_millis(50)).unwrap();
    assert_eq!((load.offered, load.answered()), (5, 5));
    assert_eq!(report::find_fault(&load, Duration::MAX), None);
    assert!(report::find_fault(&load, NOW).is_some_and(|fault| fault.contains("p99")));
    let mut lost = load;
    lost.offered += 1;
    assert!(
        report::find_fault(&lost, Duration::MAX).is_some_and(|fault| fault.contains("not all"))
    );
}
