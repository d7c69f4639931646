//! Reloads certificates that are replaced on disk while the service runs, by reading the files every
//! few seconds. File events would miss how Kubernetes replaces them: it swaps a link to a folder.

use std::time::Duration;

use tokio::{
    sync::watch,
    task::{JoinHandle, spawn_blocking},
};

use super::{credentials::ServerCredentials, fault::TlsFault, files::TlsFiles};
use crate::{domain::Clock, server::ticks::ticks};

/// How often the files are read, unless a test sets another interval.
pub(super) const INTERVAL: Duration = Duration::from_secs(10);

/// Publishes the credentials of the files whenever they change. Open connections keep the ones of
/// their handshake, and faulty files change nothing. Runs until it is dropped.
pub(super) async fn keep_fresh(
    files: TlsFiles,
    current: watch::Sender<ServerCredentials>,
    clock: Clock,
    every: Duration,
) {
    let mut ticks = ticks(every);
    let mut faults: Vec<TlsFault> = Vec::new();
    let mut expired = current.borrow().have_expired(clock.now());
    loop {
        ticks.tick().await;
        // An error means that loading panicked, which the next round may not.
        let Ok(loaded) = load_blocking(files.clone()).await else {
            continue;
        };
        match loaded {
            Ok(fresh) => {
                faults.clear();
                if current.send_if_modified(|old| replace_if_changed(old, fresh)) {
                    tracing::info!("TLS certificates replaced: new connections get the new ones");
                }
            }
            Err(found) => {
                for fault in found.iter().filter(|fault| !faults.contains(fault)) {
                    tracing::warn!("{fault}; until then the certificates in use stay");
                }
                faults = found;
            }
        }
        let was_expired = expired;
        expired = current.borrow().have_expired(clock.now());
        if expired && !was_expired {
            tracing::warn!("{}", files.expiry_warning());
        }
    }
}

fn replace_if_changed(old: &mut ServerCredentials, fresh: ServerCredentials) -> bool {
    let changed = !old.equal(&fresh);
    if changed {
        *old = fresh;
    }
    changed
}

/// Reads the files off the runtime's threads: a disk that hangs must not block calls.
#[expect(
    clippy::disallowed_methods,
    reason = "one at a time, so that it cannot fill the blocking threads"
)]
fn load_blocking(files: TlsFiles) -> JoinHandle<Result<ServerCredentials, Vec<TlsFault>>> {
    spawn_blocking(move || files.load())
}
