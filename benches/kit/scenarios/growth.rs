//! The cost of a login and of a session check at several numbers of users, each beside its limit at
//! that size.

use std::sync::Arc;

use super::{CHECKS_IN_FLIGHT, Context};
use crate::{
    Result,
    calls::Workload,
    figures::{CallCost, Growth},
    load::saturate,
    report::Report,
    server::Server,
};

pub(super) fn measure(context: &Context<'_>, report: &mut Report) -> Result<()> {
    let mut store = context.new_store("growth")?;
    for users in context.options.sizes().iter().copied() {
        eprintln!("bench: … {users} users");
        store.fill(users, context.cost)?;
        let server = Server::start(&store.url, context.cost)?;
        report.growth.push(Growth {
            database: context.database,
            users,
            validate_session: check(context, &server, users)?,
            valid_login: login(context, &server, users)?,
        });
        server.stop()?;
    }
    Ok(())
}

fn check(context: &Context<'_>, server: &Server, users: u64) -> Result<CallCost> {
    let rate = |work: Workload| {
        let work = Arc::new(work);
        saturate(server.target, &work, CHECKS_IN_FLIGHT, context.window())
            .map(|sample| sample.per_second())
    };
    Ok(CallCost {
        limit_per_second: rate(Workload::empty())?,
        per_second: rate(Workload::validate_session(users))?,
    })
}

fn login(context: &Context<'_>, server: &Server, users: u64) -> Result<CallCost> {
    let work = Arc::new(Workload::valid_login(users));
    let in_flight = context.cost.logins_in_flight();
    Ok(CallCost {
        limit_per_second: context.raw_rate()?,
        per_second: saturate(server.target, &work, in_flight, context.window())?.per_second(),
    })
}
