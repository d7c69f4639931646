//! The session check against an empty RPC on a bare server, measured before and after. The same empty
//! RPC through Vestibule's edge separates the cost of the edge from the cost of the database.

use std::sync::Arc;

use super::{CHECKS_IN_FLIGHT, Context, USERS};
use crate::{
    Result,
    bare::BareServer,
    calls::Workload,
    figures::{CallFigures, Limit},
    load::saturate,
    report::Report,
};

pub(super) fn measure(context: &Context<'_>, report: &mut Report) -> Result<()> {
    let bare = BareServer::start()?;
    let server = context.serve()?;
    let window = context.window();
    let empty = Arc::new(Workload::empty());
    let checks = Arc::new(Workload::validate_session(USERS));
    let mut before = saturate(bare.target, &empty, CHECKS_IN_FLIGHT, window)?;
    let mut edge = saturate(server.target, &empty, CHECKS_IN_FLIGHT, window)?;
    let mut many = saturate(server.target, &checks, CHECKS_IN_FLIGHT, window)?;
    // The latency of a check without others beside it.
    let mut one = saturate(server.target, &checks, 1, window)?;
    let after = saturate(bare.target, &empty, CHECKS_IN_FLIGHT, window)?;
    let limit = Some(Limit {
        name: "empty RPC, bare",
        per_second: f64::midpoint(before.per_second(), after.per_second()),
    });
    let database = Some(context.database);
    let name = checks.rpc.name;
    report.calls.extend([
        CallFigures::new("empty RPC, bare", None, CHECKS_IN_FLIGHT, None, &mut before),
        CallFigures::new(
            "empty RPC, edge",
            database,
            CHECKS_IN_FLIGHT,
            limit,
            &mut edge,
        ),
        CallFigures::new(name, database, CHECKS_IN_FLIGHT, limit, &mut many),
        CallFigures::new(name, database, 1, None, &mut one),
    ]);
    server.stop()
}
