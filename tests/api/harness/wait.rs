//! Waiting for what cannot announce itself: another process, a row, a socket.

use std::{future::Future, time::Duration};

use tokio::time::{Instant, sleep, timeout};

/// Longer than anything here takes on a loaded machine; reached only when something hangs.
const LIMIT: Duration = Duration::from_secs(30);
/// How often an outside process is asked.
const PERIOD: Duration = Duration::from_millis(10);

/// Asks until the answer is yes.
pub(crate) async fn eventually<F>(what: &str, mut condition: impl FnMut() -> F)
where
    F: Future<Output = bool>,
{
    let start = Instant::now();
    while !condition().await {
        assert!(start.elapsed() < LIMIT, "never happened: {what}");
        sleep(PERIOD).await;
    }
}

/// Awaits something that must happen, so that what hangs fails by name.
pub(crate) async fn within<T>(limit: Duration, what: &str, work: impl Future<Output = T>) -> T {
    timeout(limit, work)
        .await
        .unwrap_or_else(|_| panic!("not within {limit:?}: {what}"))
}
