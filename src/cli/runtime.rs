//! What the commands that do long work run in: logs first, then the warnings, then the runtime.

use std::future::Future;

use tokio::runtime::Runtime;
use tracing::{error, warn};

use super::exit::Exit;
use crate::telemetry;

/// Runs work to its end.
pub(super) fn run(
    logs: &telemetry::TelemetrySettings,
    warnings: &[String],
    work: impl Future<Output = Exit>,
) -> Exit {
    telemetry::init(logs);
    for warning in warnings {
        warn!("{warning}");
    }
    let exit = match Runtime::new() {
        Ok(runtime) => {
            let exit = runtime.block_on(work);
            // Everything has ended or was given up by now; a thread that hangs holds no exit.
            runtime.shutdown_background();
            exit
        }
        Err(error) => {
            error!(%error, "not started: there are no threads");
            Exit::Failed
        }
    };
    telemetry::flush();
    exit
}
