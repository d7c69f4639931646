//! The session check against an empty RPC on a bare server, measured before and after; and the same
//! empty RPC through Vestibule's edge, which tells how much of the difference is the edge and how
//! much the database.

use std::sync::Arc;

use super::{CHECKS_IN_FLIGHT, Ground, USERS};
use crate::{
    Result,
    bare::Bare,
    calls::Work,
    load::saturate,
    report::{Calls, Limit, Report},
};

pub(super) fn measure(ground: &Ground<'_>, report: &mut Report) -> Result<()> {
    let bare = Bare::start()?;
    let server = ground.serve()?;
    let window = ground.window();
    let empty = Arc::new(Work::empty());
    let checks = Arc::new(Work::validate_session(USERS));
    let mut before = saturate(bare.target, &empty, CHECKS_IN_FLIGHT, window)?;
    let mut edge = saturate(server.target, &empty, CHECKS_IN_FLIGHT, window)?;
    let mut many = saturate(server.target, &checks, CHECKS_IN_FLIGHT, window)?;
    // The latency of a check that meets no other.
    let mut one = saturate(server.target, &checks, 1, window)?;
    let after = saturate(bare.target, &empty, CHECKS_IN_FLIGHT, window)?;
    let limit = Some(Limit {
        name: "empty RPC, bare",
        per_second: f64::midpoint(before.per_second(), after.per_second()),
    });
    let database = Some(ground.database);
    let name = checks.rpc.name;
    report.calls.extend([
        Calls::of("empty RPC, bare", None, CHECKS_IN_FLIGHT, None, &mut before),
        Calls::of(
            "empty RPC, edge",
            database,
            CHECKS_IN_FLIGHT,
            limit,
            &mut edge,
        ),
        Calls::of(name, database, CHECKS_IN_FLIGHT, limit, &mut many),
        Calls::of(name, database, 1, None, &mut one),
    ]);
    server.stop()
}
