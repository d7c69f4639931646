//! The workers of queued mail, until the drain: one looks up whose mail was requested, and never waits
//! for the mail server, the other sends.

use std::time::Duration;

use tokio::{join, select, sync::watch, time::Interval};
use tokio_util::sync::CancellationToken;

use super::{readiness::Readiness, ticks::ticks};
use crate::{
    auth::{Auth, AuthError},
    telemetry::chain,
};

/// How often new requests are looked up: so often that made-up ones do not fill the queue.
const LOOK_UP_INTERVAL: Duration = Duration::from_millis(250);
/// How often the worker looks for due mail of other replicas and failed mail. Mail of this replica wakes
/// it.
const SEND_INTERVAL: Duration = Duration::from_secs(1);

/// Works from the first readiness until `closing` is cancelled.
pub(super) async fn deliver(
    auth: Auth,
    mut readiness: watch::Receiver<Readiness>,
    closing: CancellationToken,
) {
    let ready = readiness.wait_for(|now| *now == Readiness::Ready);
    if !matches!(closing.run_until_cancelled(ready).await, Some(Ok(_))) {
        return;
    }
    join!(look_up(&auth, &closing), send(&auth, &closing));
}

async fn look_up(auth: &Auth, closing: &CancellationToken) {
    let mut rounds = Rounds::every(LOOK_UP_INTERVAL);
    while rounds.next(closing, auth.mail_requested()).await {
        rounds.report(auth.look_up_mail().await);
    }
}

async fn send(auth: &Auth, closing: &CancellationToken) {
    let mut rounds = Rounds::every(SEND_INTERVAL);
    while rounds.next(closing, auth.mail_due()).await {
        rounds.report(deliver_batches(auth, closing).await);
    }
}

async fn deliver_batches(auth: &Auth, closing: &CancellationToken) -> Result<(), AuthError> {
    while !closing.is_cancelled() && auth.deliver_mail().await? {}
    Ok(())
}

/// The rounds of a worker: one at each interval, and one whenever it is woken.
struct Rounds {
    ticks: Interval,
    /// A problem is logged once, not at every try.
    last_problem: String,
}

impl Rounds {
    fn every(interval: Duration) -> Self {
        Self {
            ticks: ticks(interval),
            last_problem: String::new(),
        }
    }

    /// Whether there is another round, once it is time for it.
    async fn next(&mut self, closing: &CancellationToken, woken: impl Future<Output = ()>) -> bool {
        let next = async {
            select! {
                _ = self.ticks.tick() => {}
                () = woken => {}
            }
        };
        closing.run_until_cancelled(next).await.is_some()
    }

    fn report(&mut self, outcome: Result<(), AuthError>) {
        let problem = match outcome {
            Ok(()) => String::new(),
            Err(error) => format!("cannot send mail: {}", chain(&error)),
        };
        if problem != self.last_problem && !problem.is_empty() {
            tracing::warn!("{problem}");
        }
        self.last_problem = problem;
    }
}
