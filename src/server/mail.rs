//! The worker that sends queued mail, until the drain.

use std::time::Duration;

use tokio::{select, sync::watch};
use tokio_util::sync::CancellationToken;

use super::{readiness::Readiness, ticks::ticks};
use crate::{
    auth::{Auth, AuthError},
    telemetry::chain,
};

/// How often the worker looks for due mail of other replicas and failed mail. A request on this
/// replica wakes it at once.
const INTERVAL: Duration = Duration::from_secs(1);

/// Sends mail from the first readiness until `closing` is cancelled.
pub(super) async fn deliver(
    auth: Auth,
    mut readiness: watch::Receiver<Readiness>,
    closing: CancellationToken,
) {
    let ready = readiness.wait_for(|now| *now == Readiness::Ready);
    if !matches!(closing.run_until_cancelled(ready).await, Some(Ok(_))) {
        return;
    }
    let mut ticks = ticks(INTERVAL);
    let mut last_problem = String::new();
    loop {
        let woken = async {
            select! {
                _ = ticks.tick() => {}
                () = auth.mail_requested() => {}
            }
        };
        if closing.run_until_cancelled(woken).await.is_none() {
            return;
        }
        let problem = match deliver_batches(&auth, &closing).await {
            Ok(()) => String::new(),
            Err(error) => format!("cannot send mail: {}", chain(&error)),
        };
        // Log a problem once, not at every try.
        if problem != last_problem && !problem.is_empty() {
            tracing::warn!("{problem}");
        }
        last_problem = problem;
    }
}

async fn deliver_batches(auth: &Auth, closing: &CancellationToken) -> Result<(), AuthError> {
    while !closing.is_cancelled() && auth.deliver_mail().await? {}
    Ok(())
}
