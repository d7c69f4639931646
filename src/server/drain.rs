//! The drain: readiness fails first, then calls finish, then the layers close. Each step has a time
//! limit, so nothing keeps the process from stopping.

use std::{thread, time::Duration};

use tokio::{
    join,
    sync::oneshot,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Stop,
    connection::ShutdownSignals,
    readiness::{Check, Readiness, ReadinessReporter},
};
use crate::{auth::Auth, db::Db, hashing::Hasher, telemetry::chain};

/// How long calls that were cut may take to send their UNAVAILABLE.
const FLUSH: Duration = Duration::from_millis(150);
/// How long mails under way may take; a mail that is cut may be delivered twice.
const MAIL: Duration = Duration::from_secs(3);
/// How long running hashes may take; a rehash that is lost is repeated at the next login.
const HASHING: Duration = Duration::from_millis(150);
/// How long storing the last-seen times of sessions may take.
const LAST_SEEN: Duration = Duration::from_millis(500);
/// How long writes may take after their calls ended.
const WRITES: Duration = Duration::from_secs(1);
/// How long the answers of the last probes may take to be sent.
const LAST_PROBES: Duration = Duration::from_millis(150);

/// The stages of the drain, in their order; each is final.
#[derive(Clone)]
pub(super) struct DrainStages {
    /// gRPC and REST accept no connections; watches end; calls may finish.
    pub(super) closing: CancellationToken,
    /// Calls that still run are answered UNAVAILABLE.
    pub(super) cut: CancellationToken,
    /// Connections that are still open are dropped.
    abort: CancellationToken,
    /// The operations port accepts no connections.
    probes_closing: CancellationToken,
    /// Everything ends, including all stages above.
    pub(super) end: CancellationToken,
}

impl DrainStages {
    pub(super) fn new() -> Self {
        let end = CancellationToken::new();
        Self {
            closing: end.child_token(),
            cut: end.child_token(),
            abort: end.child_token(),
            probes_closing: end.child_token(),
            end,
        }
    }

    pub(super) fn call_signals(&self) -> ShutdownSignals {
        ShutdownSignals {
            closing: self.closing.clone(),
            abort: self.abort.clone(),
        }
    }

    pub(super) fn probe_signals(&self) -> ShutdownSignals {
        ShutdownSignals {
            closing: self.probes_closing.clone(),
            abort: self.end.clone(),
        }
    }
}

/// The parts of a running service that the drain ends.
pub(super) struct RunningServer {
    pub(super) stages: DrainStages,
    pub(super) reporter: ReadinessReporter,
    /// The connections of gRPC and REST and their calls.
    pub(super) calls: TaskTracker,
    /// The connections of the operations port.
    pub(super) probes: TaskTracker,
    pub(super) auth: Auth,
    pub(super) hasher: Hasher,
    pub(super) db: Db,
}

impl RunningServer {
    /// Reports not ready, so that balancers send calls elsewhere, and serves as before for `delay`.
    pub(super) async fn announce(&self, stop: Stop, delay: Duration) {
        self.reporter.report(Readiness::Failing(Check::Draining));
        match stop {
            Stop::Terminate => sleep(delay).await,
            Stop::Interrupt => {}
        }
    }

    /// Lets calls finish for `grace`, then cuts the rest.
    pub(super) async fn finish_calls(&self, grace: Duration) {
        self.stages.closing.cancel();
        self.calls.close();
        if timeout(grace, self.calls.wait()).await.is_ok() {
            return;
        }
        tracing::warn!("calls outlasted lifecycle.grace: cutting them");
        self.stages.cut.cancel();
        let _ = timeout(FLUSH, self.calls.wait()).await;
        self.stages.abort.cancel();
    }

    /// Lets mails under way finish; none was begun since `closing`.
    pub(super) async fn finish_mail(&self, mut mail: JoinSet<()>) {
        let _ = timeout(MAIL, mail.join_next()).await;
        mail.shutdown().await;
    }

    /// Closes the layers below, which no call uses any more, and the operations port last.
    pub(super) async fn close(self) {
        let hashing = async { join!(stop_hashing(self.hasher), self.auth.finish_background()) };
        let _ = timeout(HASHING, hashing).await;
        self.auth.finish_outcomes(WRITES).await;
        match timeout(LAST_SEEN, self.auth.write_last_seen()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!("cannot store when sessions were seen: {}", chain(&error));
            }
            Err(_) => tracing::warn!("cannot store when sessions were seen in time"),
        }
        let abandoned = self.db.close(WRITES).await;
        if abandoned > 0 {
            tracing::error!(abandoned, "gave up waiting for database writes");
        }
        self.stages.probes_closing.cancel();
        self.probes.close();
        let _ = timeout(LAST_PROBES, self.probes.wait()).await;
    }
}

/// Joins the hashing threads from a thread of its own: joining blocks.
async fn stop_hashing(hasher: Hasher) {
    let (stopped, when_stopped) = oneshot::channel();
    let joining = thread::Builder::new()
        .name("hashing-stop".to_owned())
        .spawn(move || {
            hasher.stop();
            // An error means that the drain stopped waiting.
            let _ = stopped.send(());
        });
    if joining.is_ok() {
        let _ = when_stopped.await;
    }
}
