//! Ten times the logins that the machine bears: what it still does, how fast it refuses the rest,
//! and what memory that takes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use vestibule::hashing;

use super::{Ground, USERS};
use crate::{
    Result,
    calls::Work,
    load::{pace, saturate},
    report::{Overload, Report},
    server::Server,
};

const TIMES: f64 = 10.0;
const LOOK_AT_MEMORY: Duration = Duration::from_millis(20);
const TOLERANCE: f64 = 1.1;

pub(super) fn measure(ground: &Ground<'_>, report: &mut Report) -> Result<()> {
    let server = ground.serve()?;
    let idle_mib = server.resident_mib()?;
    let cost = ground.cost;
    let logins = Arc::new(Work::valid_login(USERS));
    let capacity = saturate(
        server.target,
        &logins,
        cost.logins_in_flight(),
        ground.window(),
    )?
    .per_second();
    let offered = TIMES * capacity;
    let waiting_max = hashing::default_queue(cost.workers);
    let (seen, peak_mib) = with_peak(&server, || {
        pace(
            server.target,
            &logins,
            offered,
            waiting_max,
            ground.window(),
        )
    })?;
    let mut seen = seen?;
    let arenas_mib = cost.workers as f64 * f64::from(cost.memory_kib) / 1024.0;
    report.overloads.push(Overload {
        database: ground.database,
        capacity_per_second: capacity,
        offered_per_second: offered,
        good_per_second: seen.per_second(),
        good_p99_ms: seen.good.percentile(0.99),
        refused_per_second: seen.refused.count() as f64 / seen.seconds,
        refuse_p99_ms: seen.refused.percentile(0.99),
        idle_mib,
        peak_mib,
        allowed_mib: (arenas_mib + idle_mib) * TOLERANCE,
    });
    server.stop()
}

/// The most memory that the server had while something was done.
fn with_peak<T: Send>(server: &Server, work: impl FnOnce() -> T) -> Result<(T, f64)> {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut peak = 0.0_f64;
            while !done.load(Ordering::Relaxed) {
                peak = peak.max(server.resident_mib()?);
                thread::sleep(LOOK_AT_MEMORY);
            }
            Ok::<_, crate::Failure>(peak)
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        let peak = watch.join().map_err(|_| "the watch panicked")??;
        Ok((result, peak))
    })
}
