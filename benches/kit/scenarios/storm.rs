//! Session checks while logins saturate the machine, under two loads: callers that repeat a check as
//! soon as it is answered, as other systems were measured; and a steady tenth of that rate, as a
//! service in production has.

use std::{sync::Arc, thread};

use super::{Context, USERS};
use crate::{
    Result,
    calls::Workload,
    figures::{Checks, Storm},
    load::{pace, saturate},
    report::Report,
    sample::Sample,
    server::Server,
};

const CALLERS: usize = 8;
const SHARE_OF_CAPACITY: f64 = 0.1;
/// Checks that may be unanswered under the steady load.
const WAITING_MAX: usize = 512;

pub(super) fn measure(context: &Context<'_>, report: &mut Report) -> Result<()> {
    let server = context.serve()?;
    let window = context.window();
    let checks = Arc::new(Workload::validate_session(USERS));
    let closed = || saturate(server.target, &checks, CALLERS, window);
    let alone = closed()?;
    let per_second = alone.per_second() * SHARE_OF_CAPACITY;
    let storm = compare(context, &server, "8 callers", alone, closed)?;
    report.storms.push(storm);

    let steady = || pace(server.target, &checks, per_second, WAITING_MAX, window);
    let storm = compare(context, &server, "steady", steady()?, steady)?;
    report.storms.push(storm);
    server.stop()
}

fn compare(
    context: &Context<'_>,
    server: &Server,
    load: &'static str,
    mut alone: Sample,
    checks: impl FnOnce() -> Result<Sample>,
) -> Result<Storm> {
    let logins = Arc::new(Workload::valid_login(USERS));
    let in_flight = context.cost.logins_in_flight();
    let (logins, mut stormed) = thread::scope(|scope| {
        let storm = scope.spawn(|| saturate(server.target, &logins, in_flight, context.window()));
        let checks = checks()?;
        let logins = storm.join().map_err(|_| "the storm panicked")??;
        Ok::<_, crate::Failure>((logins, checks))
    })?;
    Ok(Storm {
        database: context.database,
        load,
        alone: Checks::new(&mut alone),
        stormed: Checks::new(&mut stormed),
        logins_in_flight: in_flight,
        logins_per_second: logins.per_second(),
    })
}
