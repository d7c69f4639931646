//! The calls that hash, against the raw argon2 rate of the same crate at the same cost, which is
//! measured before and after each.

use std::sync::Arc;

use super::{Context, USERS};
use crate::{
    Result,
    calls::Workload,
    figures::{CallFigures, Limit},
    load::saturate,
    report::Report,
};

pub(super) fn measure(context: &Context<'_>, report: &mut Report) -> Result<()> {
    let server = context.serve()?;
    let in_flight = context.cost.logins_in_flight();
    let works = [
        Workload::valid_login(USERS),
        Workload::register_user(),
        Workload::create_session(USERS),
    ];
    let mut before = context.raw_rate()?;
    for work in works.map(Arc::new) {
        let mut sample = saturate(server.target, &work, in_flight, context.window())?;
        let after = context.raw_rate()?;
        let limit = Limit {
            name: "raw argon2",
            per_second: f64::midpoint(before, after),
        };
        before = after;
        let (name, database) = (work.rpc.name, Some(context.database));
        let calls = CallFigures::new(name, database, in_flight, Some(limit), &mut sample);
        report.calls.push(calls);
    }
    // The latency of a login without others beside it.
    let work = Arc::new(Workload::valid_login(USERS));
    let mut sample = saturate(server.target, &work, 1, context.window())?;
    let database = Some(context.database);
    let calls = CallFigures::new(work.rpc.name, database, 1, None, &mut sample);
    report.calls.push(calls);
    server.stop()
}
