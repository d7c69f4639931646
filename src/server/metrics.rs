//! `/metrics`: what every layer tells of itself, read when Prometheus asks and at no other time.
//!
//! Names follow OpenTelemetry's conventions where these have one, `docs/operations.md` lists them
//! all. No label takes a value from a caller: no user, address, session or path.

mod process;
mod text;

use std::sync::Arc;

use tokio::sync::watch;

use super::{COMMIT, RELEASE, limit::ConnectionLimit, readiness::Readiness};
use crate::{
    auth::{Auth, MailMetrics, OutcomeMetrics},
    db::{self, Db},
    domain::Timestamp,
    hashing::{self, Hasher},
    telemetry,
    transport::Calls,
};
use text::Text;

/// The media type of what [`Metrics::render`] writes.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4";

const POOL: &str = "db_client_connection_pool_name";

/// Where the metrics are.
pub(super) struct Metrics {
    pub(super) grpc: Arc<Calls>,
    pub(super) rest: Arc<Calls>,
    pub(super) hasher: Hasher,
    pub(super) db: Db,
    pub(super) auth: Auth,
    pub(super) connections: ConnectionLimit,
    pub(super) readiness: watch::Receiver<Readiness>,
    pub(super) started: Timestamp,
}

impl Metrics {
    /// All of them, in Prometheus' text format.
    pub(super) fn render(&self) -> String {
        let mut text = Text::default();
        calls(&mut text, &self.grpc, &self.rest);
        let hashing = self.hasher.metrics();
        queue(&mut text, &hashing);
        hashes(&mut text, &hashing);
        database(&mut text, &self.db.metrics());
        outcomes(&mut text, &self.auth.outcome_metrics());
        text.counter(
            "vestibule_last_seen_lost_total",
            "Sessions whose last use was forgotten before it was written.",
            self.auth.lost_last_seen(),
        );
        mail(&mut text, &self.auth.mail_metrics());
        self.process(&mut text);
        text.finish()
    }

    fn process(&self, text: &mut Text) {
        let ready = *self.readiness.borrow() == Readiness::Ready;
        text.gauge(
            "vestibule_ready",
            "Whether calls should be sent here, 1 or 0.",
            u8::from(ready),
        );
        text.gauge(
            "vestibule_connections_open",
            "Open connections of callers.",
            self.connections.open(),
        );
        text.gauge(
            "vestibule_connections_limit",
            "The most connections of callers.",
            self.connections.most(),
        );
        text.gauges("vestibule_build_info", "Which build this is.")
            .sample(
                &[("version", RELEASE), ("commit", COMMIT.unwrap_or_default())],
                1,
            );
        text.counter(
            "vestibule_log_lines_lost_total",
            "Log lines that came faster than they were read.",
            telemetry::lost_lines(),
        );
        let mut memory = text.gauges(
            "process_memory_usage_bytes",
            "The memory that the process holds.",
        );
        if let Some(bytes) = process::resident_bytes() {
            memory.sample(&[], bytes);
        }
        text.gauge(
            "process_start_time_seconds",
            "When the process was started, since 1970.",
            self.started.timestamp(),
        );
    }
}

fn calls(text: &mut Text, grpc: &Calls, rest: &Calls) {
    let mut rpcs = text.histograms(
        "rpc_server_call_duration_seconds",
        "Calls over gRPC, from their headers to their status.",
    );
    for call in grpc.metrics() {
        let labels = [
            ("rpc_method", call.method),
            ("rpc_response_status_code", call.code),
        ];
        rpcs.distribution(&labels, &call.duration);
    }
    let mut requests = text.histograms(
        "http_server_request_duration_seconds",
        "Calls over REST, from their headers to their answer.",
    );
    for call in rest.metrics() {
        let labels = [
            ("http_request_method", call.method),
            ("http_route", call.route.unwrap_or_default()),
            ("http_response_status_code", call.code),
        ];
        requests.distribution(&labels, &call.duration);
    }
}

fn queue(text: &mut Text, metrics: &hashing::HashingMetrics) {
    text.gauge(
        "vestibule_hash_queue_length",
        "Hashes that wait for a worker.",
        metrics.waiting,
    );
    text.gauge(
        "vestibule_hash_queue_limit",
        "The most hashes that may wait.",
        metrics.queue,
    );
    let mut refused = text.counters(
        "vestibule_hash_refused_total",
        "Hashes that were refused, by cause.",
    );
    for (cause, count) in [
        ("queue_full", metrics.refused.queue_full),
        ("max_wait", metrics.refused.max_wait),
        ("deadline", metrics.refused.deadline),
    ] {
        refused.sample(&[("cause", cause)], count);
    }
    text.counter(
        "vestibule_hash_abandoned_total",
        "Hashes that never started because nobody waited for them any more.",
        metrics.abandoned,
    );
    text.histograms(
        "vestibule_hash_wait_duration_seconds",
        "How long hashes waited for a worker.",
    )
    .distribution(&[], &metrics.wait);
}

fn hashes(text: &mut Text, metrics: &hashing::HashingMetrics) {
    text.gauge(
        "vestibule_hash_running",
        "Hashes that are being computed.",
        metrics.running,
    );
    text.gauge(
        "vestibule_hash_workers",
        "The most hashes that are computed at once.",
        metrics.memory.workers,
    );
    text.histograms(
        "vestibule_hash_duration_seconds",
        "How long hashes took a worker.",
    )
    .distribution(&[], &metrics.duration);
    text.counter(
        "vestibule_hash_rehashed_total",
        "Passwords that were hashed again at the current cost.",
        metrics.rehashed,
    );
    text.gauge(
        "vestibule_hash_memory_bytes",
        "The memory that the workers keep once all have hashed.",
        metrics.memory.arenas_bytes(),
    );
    text.gauge(
        "vestibule_memory_bound_bytes",
        "The memory that the process needs at most: that of the workers and the reserve.",
        metrics.memory.bytes(),
    );
}

fn database(text: &mut Text, metrics: &db::DbMetrics) {
    let mut connections = text.gauges(
        "vestibule_db_connections",
        "Open connections to the database, by pool and state.",
    );
    for pool in &metrics.pools {
        for (state, count) in [("used", pool.used), ("idle", pool.idle)] {
            let labels = [(POOL, pool.name), ("db_client_connection_state", state)];
            connections.sample(&labels, count);
        }
    }
    let mut most = text.gauges(
        "db_client_connection_max",
        "The most connections of a pool.",
    );
    for pool in &metrics.pools {
        most.sample(&[(POOL, pool.name)], pool.max);
    }
    let mut waiting = text.gauges(
        "db_client_connection_pending_requests",
        "Calls that wait for a connection of a pool.",
    );
    for pool in &metrics.pools {
        waiting.sample(&[(POOL, pool.name)], pool.waiting);
    }
    text.counter(
        "vestibule_db_retried_transactions_total",
        "Transactions that were done again after they lost a race.",
        metrics.retried_transactions,
    );
    text.counter(
        "vestibule_sessions_purged_total",
        "Sessions that were deleted because they ended long ago.",
        metrics.purged_sessions,
    );
    text.gauge(
        "vestibule_db_clock_difference_seconds",
        "How far the database's clock is ahead of this machine's.",
        metrics.clock_difference.as_seconds_f64(),
    );
    text.counter(
        "vestibule_db_clock_differences_total",
        "Times, one a second, that the two were more than a second apart.",
        metrics.clock_differences,
    );
}

fn outcomes(text: &mut Text, metrics: &OutcomeMetrics) {
    text.gauge(
        "vestibule_events_waiting",
        "Outcomes of logins that are not written yet.",
        metrics.waiting,
    );
    text.counter(
        "vestibule_events_written_total",
        "Outcomes of logins that were written.",
        metrics.written,
    );
    let mut folded = text.counters(
        "vestibule_events_folded_total",
        "Outcomes of logins that are a count in the event of an earlier one.",
    );
    for (cause, count) in [("alike", metrics.folded), ("batch_full", metrics.coarse)] {
        folded.sample(&[("cause", cause)], count);
    }
    text.counter(
        "vestibule_events_lost_total",
        "Outcomes of logins that could not be written.",
        metrics.lost,
    );
}

fn mail(text: &mut Text, metrics: &MailMetrics) {
    text.gauge(
        "vestibule_mail_queue_length",
        "Mails that wait to be sent, of all replicas.",
        metrics.waiting,
    );
    text.counter(
        "vestibule_mail_sent_total",
        "Mails that were sent.",
        metrics.sent,
    );
    text.counter(
        "vestibule_mail_failed_total",
        "Tries to send a mail that failed, and mails that were given up.",
        metrics.failed,
    );
}
