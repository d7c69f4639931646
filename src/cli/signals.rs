//! Signals: the first one drains, the second one ends the process.

use std::{future::Future, io, process};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

use crate::{server::Stop, telemetry};

/// Listens from now on; the answer resolves with the first signal.
///
/// # Errors
/// The handlers cannot be installed.
pub(super) fn stop() -> io::Result<impl Future<Output = Stop> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        let stop = next(&mut terminate, &mut interrupt).await;
        info!(signal = ?stop, "stopping; a second signal exits at once");
        tokio::spawn(async move {
            next(&mut terminate, &mut interrupt).await;
            warn!("exiting at once: a second signal came");
            telemetry::flush();
            process::exit(1);
        });
        stop
    })
}

async fn next(terminate: &mut Signal, interrupt: &mut Signal) -> Stop {
    tokio::select! {
        _ = terminate.recv() => Stop::Terminate,
        _ = interrupt.recv() => Stop::Interrupt,
    }
}
