//! What takes a password, against the raw argon2 rate of the same crate at the same cost, measured
//! before and after.

use std::sync::Arc;

use super::Ground;
use crate::{
    Result,
    calls::Work,
    load::saturate,
    report::{Calls, Limit, Report},
    scenarios::USERS,
};

pub(super) fn measure(ground: &Ground<'_>, report: &mut Report) -> Result<()> {
    let server = ground.serve()?;
    let in_flight = ground.cost.logins_in_flight();
    let works = [
        (Work::valid_login(USERS), in_flight),
        (Work::register_user(), in_flight),
        (Work::create_session(USERS), in_flight),
        // The latency of a login that meets no other.
        (Work::valid_login(USERS), 1),
    ];
    let before = ground.raw_rate()?;
    let mut samples = Vec::new();
    for (work, in_flight) in works {
        let work = Arc::new(work);
        let sample = saturate(server.target, &work, in_flight, ground.window())?;
        samples.push((work.rpc.name, in_flight, sample));
    }
    let limit = Limit {
        name: "raw argon2",
        per_second: f64::midpoint(before, ground.raw_rate()?),
    };
    for (name, in_flight, mut sample) in samples {
        let limit = (in_flight > 1).then_some(limit);
        let database = Some(ground.database);
        let calls = Calls::of(name, database, in_flight, limit, &mut sample);
        report.calls.push(calls);
    }
    server.stop()
}
