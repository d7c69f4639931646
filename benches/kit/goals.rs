//! The goals of a run, beside what it reached.

use crate::{
    figures::{CallCost, CallFigures, Growth, Overload, Process, Storm},
    goal::{
        Bound::{AtLeast, AtMost, Below},
        Goal,
    },
    report::Report,
    store::Database,
};

/// The goals of those figures that were measured.
pub(crate) fn evaluate(report: &Report) -> Vec<Goal> {
    let logins = report.calls.iter().filter_map(login);
    let checks = report.calls.iter().filter_map(check);
    let goals = logins.chain(sodium(report)).chain(checks);
    let goals = goals.chain(report.storms.iter().map(storm));
    let goals = goals.chain(report.overloads.iter().flat_map(overload));
    let goals = goals.chain(Database::ALL.into_iter().flat_map(|it| growth(report, it)));
    goals
        .chain(report.processes.iter().flat_map(process))
        .collect()
}

/// The least share of the raw rate that a login reaches.
pub(crate) const LOGIN_SHARE: f64 = 0.97;

/// The least share of the empty RPC that a session check reaches.
pub(crate) fn check_share(database: Database) -> f64 {
    match database {
        Database::Sqlite => 0.35,
        Database::Postgres => 0.18,
    }
}

/// The most that 1 M users may cost beside 1 k.
pub(crate) const GROWTH: f64 = 1.3;

fn login(calls: &CallFigures) -> Option<Goal> {
    let (database, ratio) = (calls.database?, calls.ratio()?);
    (calls.name == "ValidLogin").then(|| {
        let figure = format!("ValidLogin ÷ raw argon2, {database}");
        Goal::new(figure, AtLeast(LOGIN_SHARE), ratio)
    })
}

fn check(calls: &CallFigures) -> Option<Goal> {
    let (database, ratio) = (calls.database?, calls.ratio()?);
    (calls.name == "ValidateSession").then(|| {
        let figure = format!("ValidateSession ÷ empty RPC, {database}");
        Goal::new(figure, AtLeast(check_share(database)), ratio)
    })
}

fn sodium(report: &Report) -> Option<Goal> {
    let hashes = report.hashes.first()?;
    let ratio = hashes.one_core / hashes.sodium_one_core?;
    let (kind, least) = if report.machine.avx512 {
        ("AVX-512", 1.0)
    } else {
        ("portable", 0.79)
    };
    let figure = format!("raw argon2 ÷ libsodium, one core, {kind}");
    Some(Goal::new(figure, AtLeast(least), ratio))
}

fn storm(storm: &Storm) -> Goal {
    let figure = format!(
        "ValidateSession p99 in a storm ÷ alone, {}, {}",
        storm.load, storm.database
    );
    Goal::new(figure, AtMost(3.0), storm.p99_growth())
}

fn overload(seen: &Overload) -> [Goal; 3] {
    let figure = |what| format!("overload: {what}, {}", seen.database);
    let share = seen.good_per_second / seen.capacity_per_second;
    [
        Goal::new(figure("good logins ÷ capacity"), AtLeast(0.9), share),
        Goal::new(figure("ms to refuse, p99"), Below(50.0), seen.refuse_p99_ms),
        Goal::new(figure("MiB"), AtMost(seen.allowed_mib), seen.peak_mib),
    ]
}

fn growth(report: &Report, database: Database) -> Vec<Goal> {
    let mut sizes = report.growth.iter().filter(|it| it.database == database);
    let (Some(first), Some(last)) = (sizes.next(), sizes.next_back()) else {
        return Vec::new();
    };
    let goal = |name, cost: fn(&Growth) -> CallCost| {
        let figure = format!(
            "{name}: cost at {} users ÷ at {}, {database}",
            last.users, first.users
        );
        Goal::new(figure, AtMost(GROWTH), cost(last).relative_to(cost(first)))
    };
    vec![
        goal("ValidLogin", |it| it.valid_login),
        goal("ValidateSession", |it| it.validate_session),
    ]
}

fn process(process: &Process) -> Vec<Goal> {
    let database = process.database;
    let figure = format!("MB resident before the first hash, {database}");
    let idle_mb = process.idle_mib * 1.048_576;
    let mut goals = vec![Goal::new(figure, Below(20.0), idle_mb)];
    if database == Database::Sqlite {
        let figure = "ms from start to first answer, SQLite";
        let start = process.start_existing_ms.max(process.start_new_ms);
        goals.push(Goal::new(figure, Below(100.0), start));
        let figure = "MB of the release binary";
        goals.push(Goal::new(figure, Below(25.0), process.binary_mb));
    }
    goals
}
