//! The report as Markdown, with columns that line up on a terminal.

use std::fmt::Write;

use crate::{
    figures::{CallFigures, Checks, Growth, Overload, Process, Storm},
    goal::{Bound, Goal},
    report::Report,
};

/// The page of a run; its plots are files beside it.
pub(crate) fn render_page(figures: &str) -> String {
    format!(
        "# Figures\n\nWritten by `make bench`; [performance](../performance.md) says what each figure means.\n{figures}\n\
         ![Throughput against its limit](limits.svg)\n\n![Session checks in a login storm](storm.svg)\n\n![Growth](growth.svg)\n"
    )
}

/// The machine and the commit, in one line.
pub(crate) fn describe_machine(report: &Report) -> String {
    let machine = &report.machine;
    format!(
        "{}, {} cores{}, {} MiB, Linux {}; commit {}",
        machine.cpu,
        machine.cores,
        if machine.avx512 { " with AVX-512" } else { "" },
        machine.memory_mib,
        machine.kernel,
        machine.commit,
    )
}

pub(crate) fn render_report(report: &Report) -> String {
    let mut text = describe_run(report);
    let mut section = |title: &str, header: &[&str], rows: Vec<Vec<String>>| {
        if !rows.is_empty() {
            let _ = write!(text, "\n### {title}\n\n{}", render_table(header, &rows));
        }
    };
    section(
        "Hashes a second",
        &["one core", "all workers", "libsodium, one core", "ratio"],
        hashes(report),
    );
    section("Calls", &CALLS, report.calls.iter().map(calls).collect());
    section(
        "Storm: ValidateSession while logins saturate",
        &STORM,
        report.storms.iter().flat_map(storm).collect(),
    );
    section(
        "Overload: ten times the login capacity",
        &OVERLOAD,
        report.overloads.iter().map(overload).collect(),
    );
    section(
        "Growth",
        &GROWTH,
        report.growth.iter().map(growth).collect(),
    );
    section(
        "Process",
        &PROCESS,
        report.processes.iter().map(process).collect(),
    );
    section(
        "Goals",
        &["figure", "goal", "reached", ""],
        report.goals.iter().map(goal).collect(),
    );
    text
}

fn describe_run(report: &Report) -> String {
    let cost = report.hashing;
    let mut text = format!(
        "\n{}\n\nargon2id m={} KiB t={} p={}, {} workers; {} s a figure{}; other work before the run: {:.0} % of the cores",
        describe_machine(report),
        cost.memory_kib,
        cost.iterations,
        cost.parallelism,
        cost.workers,
        report.seconds,
        if report.complete {
            ""
        } else {
            "; not a complete run"
        },
        report.machine.busy_before * 100.0,
    );
    if let Some(postgres) = &report.postgres {
        let _ = write!(text, "; {postgres}");
    }
    for (name, value) in &report.settings {
        let _ = write!(text, "; {name}={value}");
    }
    text + "\n"
}

fn hashes(report: &Report) -> Vec<Vec<String>> {
    let rows = report.hashes.iter().map(|it| {
        let sodium = it.sodium_one_core;
        vec![
            number(it.one_core),
            number(it.all_workers),
            sodium.map_or_else(dash, number),
            sodium.map_or_else(dash, |rate| number(it.one_core / rate)),
        ]
    });
    rows.collect()
}

const CALLS: [&str; 10] = [
    "call",
    "database",
    "in flight",
    "calls/s",
    "p50 ms",
    "p99 ms",
    "refused",
    "limit",
    "ratio",
    "CPU µs a call: server, client, others",
];

fn calls(calls: &CallFigures) -> Vec<String> {
    vec![
        calls.name.to_owned(),
        calls.database.map_or_else(dash, |it| it.to_string()),
        calls.in_flight.to_string(),
        number(calls.per_second),
        number(calls.p50_ms),
        number(calls.p99_ms),
        calls.refused.to_string(),
        calls.limit.map_or_else(dash, |limit| {
            format!("{} {}/s", limit.name, number(limit.per_second))
        }),
        calls.ratio().map_or_else(dash, number),
        format!(
            "{}, {}, {}",
            number(calls.cpu.server),
            number(calls.cpu.client),
            number(calls.cpu.others)
        ),
    ]
}

const STORM: [&str; 8] = [
    "load",
    "database",
    "",
    "checks/s",
    "p50 ms",
    "p99 ms",
    "sent late, p99 ms",
    "logins/s",
];

fn storm(storm: &Storm) -> [Vec<String>; 2] {
    let row = |when: &str, checks: &Checks, logins: String| {
        vec![
            storm.load.to_owned(),
            storm.database.to_string(),
            when.to_owned(),
            number(checks.per_second),
            number(checks.p50_ms),
            number(checks.p99_ms),
            number(checks.late_p99_ms),
            logins,
        ]
    };
    [
        row("alone", &storm.alone, dash()),
        row(
            "in a storm",
            &storm.stormed,
            number(storm.logins_per_second),
        ),
    ]
}

const OVERLOAD: [&str; 9] = [
    "database",
    "capacity/s",
    "offered/s",
    "good/s",
    "good p99 ms",
    "refused/s",
    "refuse p99 ms",
    "MiB idle → peak",
    "MiB allowed",
];

fn overload(seen: &Overload) -> Vec<String> {
    vec![
        seen.database.to_string(),
        number(seen.capacity_per_second),
        number(seen.offered_per_second),
        number(seen.good_per_second),
        number(seen.good_p99_ms),
        number(seen.refused_per_second),
        number(seen.refuse_p99_ms),
        format!("{} → {}", number(seen.idle_mib), number(seen.peak_mib)),
        number(seen.allowed_mib),
    ]
}

const GROWTH: [&str; 6] = [
    "database",
    "users",
    "ValidLogin/s",
    "raw argon2/s",
    "ValidateSession/s",
    "empty RPC, edge/s",
];

fn growth(growth: &Growth) -> Vec<String> {
    vec![
        growth.database.to_string(),
        growth.users.to_string(),
        number(growth.valid_login.per_second),
        number(growth.valid_login.limit_per_second),
        number(growth.validate_session.per_second),
        number(growth.validate_session.limit_per_second),
    ]
}

const PROCESS: [&str; 6] = [
    "database",
    "start, new database, ms",
    "start, existing, ms",
    "MiB idle",
    "MiB after hashes",
    "binary MB",
];

fn process(process: &Process) -> Vec<String> {
    vec![
        process.database.to_string(),
        number(process.start_new_ms),
        number(process.start_existing_ms),
        number(process.idle_mib),
        number(process.after_hashes_mib),
        number(process.binary_mb),
    ]
}

fn goal(goal: &Goal) -> Vec<String> {
    vec![
        goal.figure.clone(),
        match goal.bound {
            Bound::AtLeast(bound) => format!("≥ {}", number(bound)),
            Bound::AtMost(bound) => format!("≤ {}", number(bound)),
            Bound::Below(bound) => format!("< {}", number(bound)),
        },
        number(goal.reached),
        if goal.met { "met" } else { "MISSED" }.to_owned(),
    ]
}

/// Three significant digits, or the whole number.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

fn dash() -> String {
    "–".to_owned()
}

fn render_table(header: &[&str], rows: &[Vec<String>]) -> String {
    let header: Vec<_> = header.iter().map(ToString::to_string).collect();
    let width = |column: usize| {
        let cells = rows.iter().chain([&header]).map(|row| &row[column]);
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..header.len()).map(width).collect();
    let line = |cells: &[String]| {
        let cells = cells.iter().zip(&widths);
        let padded: Vec<_> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        format!("| {} |\n", padded.join(" | "))
    };
    let rule: Vec<_> = widths.iter().map(|width| "-".repeat(*width)).collect();
    let body: String = rows.iter().map(|row| line(row)).collect();
    line(&header) + &line(&rule) + &body
}
