//! The memory of the process before and after its first hashes, the time until it answers, and the
//! size of the binary.

use std::{fs, sync::Arc, thread, time::Duration};

use super::{Context, USERS};
use crate::{
    Result,
    calls::Workload,
    figures::Process,
    load::saturate,
    report::Report,
    server::{self, Server},
};

/// Starts of which the median is taken.
const STARTS: usize = 5;

pub(super) fn measure(context: &Context<'_>, report: &mut Report) -> Result<()> {
    let start_new_ms = median_start(|number| {
        let store = context.new_store(&format!("new{number}"))?;
        start(&store.url, context)
    })?;
    let start_existing_ms = median_start(|_| start(&context.store.url, context))?;

    let server = context.serve()?;
    thread::sleep(context.window().warm_up);
    let idle_mib = server.resident_mib()?;
    let logins = Arc::new(Workload::valid_login(USERS));
    let in_flight = context.cost.logins_in_flight();
    saturate(server.target, &logins, in_flight, context.window())?;
    report.processes.push(Process {
        database: context.database,
        start_new_ms,
        start_existing_ms,
        idle_mib,
        after_hashes_mib: server.resident_mib()?,
        binary_mb: fs::metadata(server::find_binary()?)?.len() as f64 / 1e6,
    });
    server.stop()
}

fn start(url: &str, context: &Context<'_>) -> Result<Duration> {
    let server = Server::start(url, context.cost)?;
    let started_in = server.started_in;
    server.stop()?;
    Ok(started_in)
}

fn median_start(mut start: impl FnMut(usize) -> Result<Duration>) -> Result<f64> {
    let mut times = (0..STARTS).map(&mut start).collect::<Result<Vec<_>>>()?;
    times.sort_unstable();
    Ok(times[STARTS / 2].as_secs_f64() * 1e3)
}
