//! What a login and a session check cost as users become many: each beside its limit at that time.

use std::sync::Arc;

use super::{CHECKS_IN_FLIGHT, Ground};
use crate::{
    Result,
    calls::Work,
    load::saturate,
    report::{CallCost, Growth, Report},
    server::Server,
};

pub(super) fn measure(ground: &Ground<'_>, report: &mut Report) -> Result<()> {
    let mut store = ground.new_store("growth")?;
    for users in ground.wish.sizes().iter().copied() {
        eprintln!("bench: … {users} users");
        store.fill(users, ground.cost)?;
        let server = Server::start(&store.url, ground.cost)?;
        report.growth.push(Growth {
            database: ground.database,
            users,
            validate_session: check(ground, &server, users)?,
            valid_login: login(ground, &server, users)?,
        });
        server.stop()?;
    }
    Ok(())
}

fn check(ground: &Ground<'_>, server: &Server, users: u64) -> Result<CallCost> {
    let rate = |work: Work| {
        let work = Arc::new(work);
        saturate(server.target, &work, CHECKS_IN_FLIGHT, ground.window())
            .map(|sample| sample.per_second())
    };
    Ok(CallCost {
        limit_per_second: rate(Work::empty())?,
        per_second: rate(Work::validate_session(users))?,
    })
}

fn login(ground: &Ground<'_>, server: &Server, users: u64) -> Result<CallCost> {
    let work = Arc::new(Work::valid_login(users));
    let in_flight = ground.cost.logins_in_flight();
    Ok(CallCost {
        limit_per_second: ground.raw_rate()?,
        per_second: saturate(server.target, &work, in_flight, ground.window())?.per_second(),
    })
}
