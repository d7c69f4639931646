//! What takes a password, against the raw argon2 rate of the same crate at the same cost, measured
//! just before and just after each.

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
        Work::valid_login(USERS),
        Work::register_user(),
        Work::create_session(USERS),
    ];
    let mut before = ground.raw_rate()?;
    for work in works.map(Arc::new) {
        let mut sample = saturate(server.target, &work, in_flight, ground.window())?;
        let after = ground.raw_rate()?;
        let limit = Limit {
            name: "raw argon2",
            per_second: f64::midpoint(before, after),
        };
        before = after;
        let (name, database) = (work.rpc.name, Some(ground.database));
        let calls = Calls::of(name, database, in_flight, Some(limit), &mut sample);
        report.calls.push(calls);
    }
    // The latency of a login that meets no other.
    let work = Arc::new(Work::valid_login(USERS));
    let mut sample = saturate(server.target, &work, 1, ground.window())?;
    let database = Some(ground.database);
    let calls = Calls::of(work.rpc.name, database, 1, None, &mut sample);
    report.calls.push(calls);
    server.stop()
}
