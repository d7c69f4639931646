//! The way down: callers are told first, calls finish next, and nothing holds the process beyond
//! its time.

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

/// What calls that were cut have to send their UNAVAILABLE.
const FLUSH: Duration = Duration::from_millis(150);
/// What mails that are being sent have to end; one that is cut may come twice.
const MAIL: Duration = Duration::from_secs(3);
/// What running hashes have to end; a rehash that is lost is made up at the next login.
const HASHING: Duration = Duration::from_millis(150);
/// What it may take to start storing when sessions were last seen.
const LAST_SEEN: Duration = Duration::from_millis(500);
/// What writes that were started have to end after their calls.
const WRITES: Duration = Duration::from_secs(1);
/// What a probe's answer has to be sent.
const LAST_PROBES: Duration = Duration::from_millis(150);

/// The points of no return, in their order.
#[derive(Clone)]
pub(super) struct DrainStages {
    /// gRPC and REST accept no more; watches end; calls may finish.
    pub(super) closing: CancellationToken,
    /// Calls that still run are answered UNAVAILABLE.
    pub(super) cut: CancellationToken,
    /// Connections that are still open are dropped.
    abort: CancellationToken,
    /// The operations port accepts no more.
    probes_closing: CancellationToken,
    /// Everything is over, all of the above included.
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

    /// How connections that carry calls end.
    pub(super) fn signals_of_calls(&self) -> ShutdownSignals {
        ShutdownSignals {
            closing: self.closing.clone(),
            abort: self.abort.clone(),
        }
    }

    /// How connections that carry probes end.
    pub(super) fn signals_of_probes(&self) -> ShutdownSignals {
        ShutdownSignals {
            closing: self.probes_closing.clone(),
            abort: self.end.clone(),
        }
    }
}

/// What has to come to an end.
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
    /// Tells callers to go elsewhere and serves them as before for `delay`.
    pub(super) async fn announce(&self, stop: Stop, delay: Duration) {
        self.reporter.report(Readiness::Failing(Check::Draining));
        match stop {
            Stop::Terminate => sleep(delay).await,
            Stop::Interrupt => {}
        }
    }

    /// Lets calls finish for `grace`, and ends what is left.
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

    /// Lets the mails that are being sent finish: since `closing` no more are begun.
    pub(super) async fn finish_mail(&self, mut mail: JoinSet<()>) {
        let _ = timeout(MAIL, mail.join_next()).await;
        mail.shutdown().await;
    }

    /// Ends the layers below, now that nobody calls them, and the operations port last.
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
            // Nobody waits any more when it took too long.
            let _ = stopped.send(());
        });
    if joining.is_ok() {
        let _ = when_stopped.await;
    }
}
