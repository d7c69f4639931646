//! Session checks while logins saturate the machine. Two loads: callers that ask again as soon as
//! they are answered, as other systems were measured; and a steady tenth of what those callers get,
//! as a service in use has it.

use std::{sync::Arc, thread};

use super::{Ground, USERS};
use crate::{
    Result,
    calls::Work,
    load::{pace, saturate},
    report::{Checks, Report, Storm},
    sample::Sample,
    server::Server,
};

const CALLERS: usize = 8;
const SHARE_OF_CAPACITY: f64 = 0.1;
/// Checks that may be unanswered under the steady load.
const WAITING_MAX: usize = 512;

pub(super) fn measure(ground: &Ground<'_>, report: &mut Report) -> Result<()> {
    let server = ground.serve()?;
    let window = ground.window();
    let checks = Arc::new(Work::validate_session(USERS));
    let closed = || saturate(server.target, &checks, CALLERS, window);
    let alone = closed()?;
    let per_second = alone.per_second() * SHARE_OF_CAPACITY;
    let storm = compare(ground, &server, "8 callers", alone, closed)?;
    report.storms.push(storm);

    let steady = || pace(server.target, &checks, per_second, WAITING_MAX, window);
    let storm = compare(ground, &server, "steady", steady()?, steady)?;
    report.storms.push(storm);
    server.stop()
}

fn compare(
    ground: &Ground<'_>,
    server: &Server,
    load: &'static str,
    mut alone: Sample,
    checks: impl FnOnce() -> Result<Sample>,
) -> Result<Storm> {
    let logins = Arc::new(Work::valid_login(USERS));
    let in_flight = ground.cost.logins_in_flight();
    let (logins, mut stormed) = thread::scope(|scope| {
        let storm = scope.spawn(|| saturate(server.target, &logins, in_flight, ground.window()));
        let checks = checks()?;
        let logins = storm.join().map_err(|_| "the storm panicked")??;
        Ok::<_, crate::Failure>((logins, checks))
    })?;
    Ok(Storm {
        database: ground.database,
        load,
        alone: Checks::of(&mut alone),
        stormed: Checks::of(&mut stormed),
        logins_in_flight: in_flight,
        logins_per_second: logins.per_second(),
    })
}
