//! Ten times the logins that the machine can serve: how many succeed, how fast the rest is refused,
//! and how much memory the server takes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use vestibule::hashing;

use super::{Context, USERS};
use crate::{
    Result,
    calls::Workload,
    figures::Overload,
    load::{pace, saturate},
    report::Report,
    server::Server,
};

const TIMES: f64 = 10.0;
const MEMORY_INTERVAL: Duration = Duration::from_millis(20);
const TOLERANCE: f64 = 1.1;

pub(super) fn measure(context: &Context<'_>, report: &mut Report) -> Result<()> {
    let server = context.serve()?;
    let idle_mib = server.resident_mib()?;
    let cost = context.cost;
    let logins = Arc::new(Workload::valid_login(USERS));
    let capacity = saturate(
        server.target,
        &logins,
        cost.logins_in_flight(),
        context.window(),
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
            context.window(),
        )
    })?;
    let mut seen = seen?;
    let arenas_mib = cost.workers as f64 * f64::from(cost.memory_kib) / 1024.0;
    report.overloads.push(Overload {
        database: context.database,
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

/// The peak of the server's memory during `work`.
fn with_peak<T: Send>(server: &Server, work: impl FnOnce() -> T) -> Result<(T, f64)> {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut peak = 0.0_f64;
            while !done.load(Ordering::Relaxed) {
                peak = peak.max(server.resident_mib()?);
                thread::sleep(MEMORY_INTERVAL);
            }
            Ok::<_, crate::Failure>(peak)
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        let peak = watch.join().map_err(|_| "the watch panicked")??;
        Ok((result, peak))
    })
}
