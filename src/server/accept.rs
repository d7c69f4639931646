//! The accept loop of every port: an error neither ends it nor makes it spin.

use std::{io, time::Duration};

use tokio::{
    net::TcpListener,
    time::{Instant, sleep},
};

use super::{
    connection::{Connections, HttpService},
    connection_limit::ConnectionLimit,
};

const FIRST_BACK_OFF: Duration = Duration::from_millis(50);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(1);
/// How often a repeated warning is logged, so that a flood does not fill the log.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Accepts connections until the port closes, then drops the listener. `port` is its name in the log.
pub(super) async fn accept_connections<S: HttpService>(
    port: &'static str,
    listener: TcpListener,
    limit: ConnectionLimit,
    connections: Connections<S>,
) {
    let closing = connections.closing();
    closing
        .run_until_cancelled_owned(accept_forever(port, listener, limit, connections))
        .await;
}

async fn accept_forever<S: HttpService>(
    port: &'static str,
    listener: TcpListener,
    limit: ConnectionLimit,
    connections: Connections<S>,
) {
    let mut back_off = FIRST_BACK_OFF;
    let mut limit_log = LogInterval::default();
    let mut error_log = LogInterval::default();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                back_off = FIRST_BACK_OFF;
                if limit.is_reached() && limit_log.is_due() {
                    tracing::warn!(
                        port,
                        "connection limit reached: closing idle connections, or else new ones"
                    );
                }
                if let Some(slot) = limit.admit(peer.ip()).await {
                    connections.spawn(stream, peer, slot);
                }
            }
            Err(error) if is_peer_error(&error) => {}
            // Out of descriptors or memory. The connection stays in the backlog, so an immediate retry
            // would only burn a core.
            Err(error) => {
                if error_log.is_due() {
                    tracing::warn!(port, %error, "cannot accept connections: waiting and retrying");
                }
                sleep(back_off).await;
                back_off = (back_off * 2).min(LONGEST_BACK_OFF);
            }
        }
    }
}

/// Whether the connection broke while it waited to be accepted: no fault of this process.
fn is_peer_error(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
    )
}

/// Limits a warning to one per [`LOG_INTERVAL`].
#[derive(Default)]
struct LogInterval {
    last: Option<Instant>,
}

impl LogInterval {
    fn is_due(&mut self) -> bool {
        let due = self.last.is_none_or(|last| last.elapsed() >= LOG_INTERVAL);
        if due {
            self.last = Some(Instant::now());
        }
        due
    }
}

#[cfg(test)]
mod tests;
