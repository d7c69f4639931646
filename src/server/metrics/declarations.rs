//! The declaration of each metric: its name, type, labels and help, and where its value is read.
//! `docs/operations.md` repeats the declarations, and a test compares the two.
//!
//! Names follow OpenTelemetry's conventions where these have one. No label takes a value from a
//! caller: no user, address, session or path.

mod connections;

use std::fmt;

use prometheus_client::metrics::{counter::ConstCounter, gauge::ConstGauge};

use super::{exposition::Exposition, process::resident_bytes};
use crate::{
    COMMIT, RELEASE,
    auth::{MailMetrics, OutcomeMetrics, ThrottleMetrics},
    db::{DbMetrics, PoolMetrics},
    domain::Timestamp,
    hashing::{HashingMetrics, Memory},
    server::connection_limit::ConnectionLimit,
    telemetry,
    transport::{CallMetrics, client_ips_dropped},
};

pub(super) fn calls(
    exposition: &mut Exposition<'_>,
    grpc: &CallMetrics,
    rest: &CallMetrics,
) -> fmt::Result {
    exposition.labelled(
        "rpc_server_call_duration_seconds",
        "Calls over gRPC, from their headers to their status; a stream is one call. The code is by \
         name (OK, UNAUTHENTICATED); CANCELLED: the caller went away. Any other method is _OTHER.",
        grpc.series().map(|call| {
            let labels = [("rpc_method", call.method), ("rpc_status_code", call.code)];
            (labels, call.duration.inner().clone())
        }),
    )?;
    exposition.labelled(
        "http_server_request_duration_seconds",
        "Calls over REST, from their headers to their answer. 499: the caller went away. Any other \
         method or route is _OTHER.",
        rest.series().map(|call| {
            let labels = [
                ("http_request_method", call.method),
                ("http_response_status_code", call.code),
                ("http_route", call.route.unwrap_or_default()),
            ];
            (labels, call.duration.inner().clone())
        }),
    )
}

pub(super) fn queue(exposition: &mut Exposition<'_>, hashing: &HashingMetrics) -> fmt::Result {
    let counters = &hashing.counters;
    exposition.gauge(
        "vestibule_hash_queue_length",
        "Hashes that wait for a worker.",
        hashing.waiting,
    )?;
    exposition.gauge(
        "vestibule_hash_queue_limit",
        "The most hashes that may wait: `hashing.queue`.",
        hashing.waiting_max,
    )?;
    exposition.labelled(
        "vestibule_hash_refused_total",
        "Hashes that were refused. queue_full: as many waited as may; max_wait: the estimated wait \
         was longer than `hashing.max_wait`; deadline: it was longer than the call had time.",
        [
            ([("cause", "queue_full")], counters.queue_full.clone()),
            ([("cause", "max_wait")], counters.max_wait.clone()),
            ([("cause", "deadline")], counters.deadline.clone()),
        ],
    )?;
    exposition.counter(
        "vestibule_hash_abandoned_total",
        "Hashes that never started, because their callers went away or their deadlines passed while \
         they waited.",
        counters.abandoned.get(),
    )?;
    exposition.histogram(
        "vestibule_hash_wait_duration_seconds",
        "How long hashes waited for a worker, of those that started.",
        &counters.wait,
    )
}

pub(super) fn hashes(exposition: &mut Exposition<'_>, hashing: &HashingMetrics) -> fmt::Result {
    exposition.gauge(
        "vestibule_hash_running",
        "Hashes that are being computed.",
        hashing.running,
    )?;
    exposition.gauge(
        "vestibule_hash_workers",
        "The most hashes that are computed at once: `hashing.workers`.",
        hashing.memory.workers,
    )?;
    exposition.histogram(
        "vestibule_hash_duration_seconds",
        "How long hashes took a worker.",
        &hashing.counters.duration,
    )?;
    exposition.counter(
        "vestibule_hash_rehashed_total",
        "Passwords that were hashed again at the current cost.",
        hashing.counters.rehashed.get(),
    )?;
    exposition.gauge(
        "vestibule_hash_memory_bytes",
        "What the workers keep once all have hashed: workers × `hashing.memory_kib`.",
        hashing.memory.arenas_bytes(),
    )
}

pub(super) fn pools(exposition: &mut Exposition<'_>, pools: &[PoolMetrics]) -> fmt::Result {
    let name = |pool: &PoolMetrics| ("db_client_connection_pool_name", pool.name);
    exposition.labelled(
        "vestibule_db_connections",
        "Open connections, used or idle. The pools are reader and writer on SQLite, shared on \
         Postgres. (OpenTelemetry's name ends in `_count`, which Prometheus keeps for histograms.)",
        pools.iter().flat_map(|pool| {
            [("used", pool.used), ("idle", pool.idle)].map(|(state, count)| {
                let labels = [name(pool), ("db_client_connection_state", state)];
                (labels, ConstGauge::new(count))
            })
        }),
    )?;
    exposition.labelled(
        "db_client_connection_max",
        "The most connections of the pool.",
        pools
            .iter()
            .map(|pool| ([name(pool)], ConstGauge::new(pool.max))),
    )?;
    exposition.labelled(
        "db_client_connection_pending_requests",
        "Statements and transactions that have no connection yet; session checks that share a \
         statement are one.",
        pools
            .iter()
            .map(|pool| ([name(pool)], ConstGauge::new(pool.waiting))),
    )
}

pub(super) fn database(exposition: &mut Exposition<'_>, db: &DbMetrics) -> fmt::Result {
    exposition.counter(
        "vestibule_db_retried_transactions_total",
        "Transactions that were done again after they lost a race.",
        db.retried_transactions,
    )?;
    exposition.counter(
        "vestibule_sessions_purged_total",
        "Sessions that were deleted because they ended long ago.",
        db.purged_sessions,
    )?;
    exposition.gauge(
        "vestibule_db_clock_difference_seconds",
        "How far the database's clock is ahead of this machine's; negative: behind. 0 on SQLite.",
        db.clock_difference.as_seconds_f64(),
    )?;
    exposition.counter(
        "vestibule_db_clock_differences_total",
        "Probes, one a second, that found the two clocks more than a second apart.",
        db.clock_differences,
    )
}

pub(super) fn outcomes(exposition: &mut Exposition<'_>, outcomes: &OutcomeMetrics) -> fmt::Result {
    exposition.gauge(
        "vestibule_events_waiting",
        "Outcomes of logins that are not written yet.",
        outcomes.waiting,
    )?;
    exposition.counter(
        "vestibule_events_written_total",
        "Outcomes of logins that were written to `events`.",
        outcomes.written,
    )?;
    exposition.labelled(
        "vestibule_events_folded_total",
        "Outcomes of logins that are a count in the event of an earlier one. alike: of the same \
         minute, user, caller and address; batch_full: these are not known any more.",
        [("alike", outcomes.folded), ("batch_full", outcomes.coarse)]
            .map(|(cause, count)| ([("cause", cause)], ConstCounter::new(count))),
    )?;
    exposition.counter(
        "vestibule_events_lost_total",
        "Outcomes of logins that could not be written.",
        outcomes.lost,
    )
}

pub(super) fn throttled(
    exposition: &mut Exposition<'_>,
    throttle: &ThrottleMetrics,
) -> fmt::Result {
    exposition.counter(
        "vestibule_logins_throttled_total",
        "Checks of passwords that were refused as LOGIN_THROTTLED.",
        throttle.refused.get(),
    )?;
    let attacks = [
        ("stuffing", throttle.stuffing.get()),
        ("spraying", throttle.spraying.get()),
    ];
    exposition.labelled(
        "vestibule_attacks_suspected_total",
        "Tries that look like an attack. stuffing: of a source that failed on many accounts and is \
         refused; spraying: a wrong password that was tried on many accounts.",
        attacks.map(|(kind, count)| ([("kind", kind)], ConstCounter::new(count))),
    )
}

pub(super) fn last_seen(exposition: &mut Exposition<'_>, lost: u64) -> fmt::Result {
    exposition.counter(
        "vestibule_last_seen_lost_total",
        "Sessions whose last use was forgotten before it was written: more than 65,536 of them \
         waited.",
        lost,
    )
}

pub(super) fn mail(exposition: &mut Exposition<'_>, mail: &MailMetrics) -> fmt::Result {
    exposition.gauge(
        "vestibule_mail_queue_length",
        "Mails that wait, of all replicas, counted each second.",
        mail.waiting,
    )?;
    exposition.counter(
        "vestibule_mail_requests_total",
        "Requests for a reset or a verification that were looked up, whoever has the address.",
        mail.requests,
    )?;
    exposition.counter(
        "vestibule_mail_failed_total",
        "Tries that failed, and mails that were given up.",
        mail.failed,
    )
}

pub(super) fn process(
    exposition: &mut Exposition<'_>,
    is_ready: bool,
    memory: Memory,
    connections: &ConnectionLimit,
    started: Timestamp,
) -> fmt::Result {
    exposition.gauge(
        "vestibule_ready",
        "1 when `/readyz` says 200, else 0.",
        u32::from(is_ready),
    )?;
    connections::connections(exposition, memory, connections)?;
    let build = [("version", RELEASE), ("commit", COMMIT)];
    exposition.labelled(
        "vestibule_build_info",
        "The version and the commit of the build; always 1.",
        [(build, ConstGauge::new(1))],
    )?;
    exposition.counter(
        "vestibule_log_lines_lost_total",
        "Log lines that were lost because they came faster than standard error was read.",
        telemetry::lost_lines(),
    )?;
    exposition.counter(
        "vestibule_client_ips_dropped_total",
        "Texts that callers sent as `client.ip` and that name no address: the call went on without.",
        client_ips_dropped(),
    )?;
    if let Some(bytes) = resident_bytes() {
        exposition.gauge(
            "process_memory_usage_bytes",
            "The memory that the process holds (on Linux).",
            bytes,
        )?;
    }
    exposition.gauge(
        "process_start_time_seconds",
        "When the process was started, in seconds since 1970.",
        started.timestamp(),
    )
}
