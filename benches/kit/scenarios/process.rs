//! What the process takes: memory before and after its first hashes, the time until it answers, and
//! the size of its file.

use std::{fs, sync::Arc, thread, time::Duration};

use super::{Ground, USERS};
use crate::{
    Result,
    calls::Work,
    load::saturate,
    report::{Process, Report},
    server::{self, Server},
};

/// Starts of which the median is taken.
const STARTS: usize = 5;

pub(super) fn measure(ground: &Ground<'_>, report: &mut Report) -> Result<()> {
    let start_new_ms = median_start(|number| {
        let store = ground.new_store(&format!("new{number}"))?;
        start(&store.url, ground)
    })?;
    let start_existing_ms = median_start(|_| start(&ground.store.url, ground))?;

    let server = ground.serve()?;
    thread::sleep(ground.window().warm_up);
    let idle_mib = server.resident_mib()?;
    let logins = Arc::new(Work::valid_login(USERS));
    let in_flight = ground.cost.logins_in_flight();
    saturate(server.target, &logins, in_flight, ground.window())?;
    report.processes.push(Process {
        database: ground.database,
        start_new_ms,
        start_existing_ms,
        idle_mib,
        after_hashes_mib: server.resident_mib()?,
        binary_mb: fs::metadata(server::binary()?)?.len() as f64 / 1e6,
    });
    server.stop()
}

fn start(url: &str, ground: &Ground<'_>) -> Result<Duration> {
    let server = Server::start(url, ground.cost)?;
    let started_in = server.started_in;
    server.stop()?;
    Ok(started_in)
}

fn median_start(mut start: impl FnMut(usize) -> Result<Duration>) -> Result<f64> {
    let mut times = (0..STARTS).map(&mut start).collect::<Result<Vec<_>>>()?;
    times.sort_unstable();
    Ok(times[STARTS / 2].as_secs_f64() * 1e3)
}
