//! Certificates are replaced on disk while the service runs: the files are looked at every few
//! seconds. Watching them by events would miss what Kubernetes does, which swaps a folder by a link.

use std::time::Duration;

use tokio::{
    sync::watch,
    task::{JoinHandle, spawn_blocking},
};

use super::{credentials::ServerCredentials, fault::TlsFault, files::TlsFiles};
use crate::{domain::Clock, server::ticks::ticks};

/// How often the files are looked at.
pub(super) const INTERVAL: Duration = Duration::from_secs(10);

/// Gives new handshakes what the files hold. Connections live on with what they began with; files
/// that are faulty change nothing. Runs until it is dropped.
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
        // It fails only where reading panics, which the next turn may not.
        let Ok(loaded) = read(files.clone()).await else {
            continue;
        };
        match loaded {
            Ok(fresh) => {
                faults.clear();
                if current.send_if_modified(|old| replace(old, fresh)) {
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

fn replace(old: &mut ServerCredentials, fresh: ServerCredentials) -> bool {
    let news = !old.are(&fresh);
    if news {
        *old = fresh;
    }
    news
}

/// A disk may hang, and calls must not hang with it.
#[expect(
    clippy::disallowed_methods,
    reason = "one at a time, so that it cannot fill the blocking threads"
)]
fn read(files: TlsFiles) -> JoinHandle<Result<ServerCredentials, Vec<TlsFault>>> {
    spawn_blocking(move || files.load())
}
