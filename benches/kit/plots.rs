//! The three plots: throughput against the limit, latency under storm, growth.

use std::{fmt::Write, fs, path::Path};

use crate::{
    Result, goals,
    report::{CallCost, Calls, Growth, Report},
    store::Database,
    svg::{Anchor, COLOURS, FAINT, GOAL, INK, Svg},
    table::{self, number},
};

const WIDTH: f64 = 760.0;
/// Where the bars begin and how long the longest may be.
const LEFT: f64 = 210.0;
const BAR: f64 = 350.0;
const ROW: f64 = 30.0;
const TOP: f64 = 62.0;

/// Draws what was measured.
///
/// # Errors
/// A file cannot be written.
pub(crate) fn draw(report: &Report, folder: &Path) -> Result<()> {
    let plots = [
        ("limits.svg", limits(report)),
        ("storm.svg", storm(report)),
        ("growth.svg", growth(report)),
    ];
    for (name, plot) in plots {
        if let Some(mut plot) = plot {
            plot.sign(&table::machine(report));
            fs::write(folder.join(name), plot.finish())?;
        }
    }
    Ok(())
}

fn colours(database: Database) -> (&'static str, &'static str) {
    match database {
        Database::Sqlite => COLOURS[0],
        Database::Postgres => COLOURS[1],
    }
}

fn limits(report: &Report) -> Option<Svg> {
    let bars: Vec<_> = report
        .calls
        .iter()
        .filter_map(|calls| Some((calls, calls.database?, calls.ratio()?)))
        .collect();
    let longest = bars.iter().map(|bar| bar.2).reduce(f64::max)?.max(1.0);
    let height = TOP + ROW * bars.len() as f64 + 20.0;
    let mut svg = Svg::new(WIDTH, height, "Throughput ÷ limit in the same run");
    let x = |ratio: f64| LEFT + BAR * ratio / longest;
    svg.line((x(1.0), TOP - 8.0), (x(1.0), height - 16.0), INK);
    svg.text((x(1.0), TOP - 14.0), Anchor::Middle, "limit");
    for (index, (calls, database, ratio)) in bars.into_iter().enumerate() {
        let y = TOP + ROW * index as f64;
        let name = format!("{}, {database}", calls.name);
        svg.text((LEFT - 8.0, y + 15.0), Anchor::End, &name);
        svg.rectangle((LEFT, y), (x(ratio) - LEFT, 20.0), colours(database).0);
        if let Some(goal) = share_wanted(calls, database) {
            svg.path(&[(x(goal), y - 3.0), (x(goal), y + 23.0)], GOAL, 2.0);
        }
        let text = format!("{} ({}/s)", number(ratio), number(calls.per_second));
        svg.text((x(ratio.max(1.0)) + 8.0, y + 15.0), Anchor::Start, &text);
    }
    svg.text_of((LEFT, TOP - 14.0), Anchor::Start, 12, GOAL, "| goal");
    Some(svg)
}

fn share_wanted(calls: &Calls, database: Database) -> Option<f64> {
    match calls.name {
        "ValidLogin" => Some(goals::LOGIN_SHARE),
        "ValidateSession" => Some(goals::check_share(database)),
        _ => None,
    }
}

fn storm(report: &Report) -> Option<Svg> {
    let storms = &report.storms;
    let slowest = storms
        .iter()
        .map(|it| it.stormed.p99_ms.max(it.alone.p99_ms));
    let slowest = slowest.reduce(f64::max)?;
    let height = TOP + 2.2 * ROW * storms.len() as f64 + 20.0;
    let mut svg = Svg::new(
        WIDTH,
        height,
        "ValidateSession p99, alone and in a login storm",
    );
    for (index, storm) in storms.iter().enumerate() {
        let y = TOP + 2.2 * ROW * index as f64;
        let (dark, light) = colours(storm.database);
        let name = format!("{}, {}", storm.load, storm.database);
        svg.text((16.0, y + 28.0), Anchor::Start, &name);
        let rows = [
            ("alone", &storm.alone, light),
            ("storm", &storm.stormed, dark),
        ];
        for (row, (when, checks, colour)) in rows.into_iter().enumerate() {
            let y = y + 24.0 * row as f64;
            let length = BAR * checks.p99_ms / slowest;
            svg.text((LEFT - 8.0, y + 15.0), Anchor::End, when);
            svg.rectangle((LEFT, y), (length, 20.0), colour);
            let mut text = format!("{} ms", number(checks.p99_ms));
            if when == "storm" {
                let _ = write!(text, ", × {} (goal ≤ 3)", number(storm.p99_growth()));
            }
            svg.text((LEFT + length + 8.0, y + 15.0), Anchor::Start, &text);
        }
    }
    Some(svg)
}

/// The place of a number of users and a growth in the plot.
struct Axes {
    first: f64,
    last: f64,
    highest: f64,
}

impl Axes {
    const LEFT: f64 = 60.0;
    const RIGHT: f64 = 520.0;
    const BOTTOM: f64 = 300.0;

    fn at(&self, users: u64, growth: f64) -> (f64, f64) {
        let along = ((users as f64).ln() - self.first) / (self.last - self.first);
        (
            Self::LEFT + (Self::RIGHT - Self::LEFT) * along,
            Self::BOTTOM - (Self::BOTTOM - TOP) * growth / self.highest,
        )
    }
}

fn growth(report: &Report) -> Option<Svg> {
    let sizes = || report.growth.iter().map(|it| it.users);
    let (first, last) = (sizes().min()?, sizes().max()?);
    let lines = lines(report);
    let values = lines
        .iter()
        .flat_map(|line| line.points.iter().map(|it| it.1));
    let axes = Axes {
        first: (first as f64).ln(),
        last: (last as f64).ln().max((first as f64).ln() + 1.0),
        highest: values.reduce(f64::max)?.max(goals::GROWTH) * 1.1,
    };
    let title = format!("Cost of a call ÷ its cost at {first} users");
    let mut svg = Svg::new(WIDTH, 340.0, &title);
    for (growth, colour) in [(0.0, INK), (1.0, FAINT), (goals::GROWTH, GOAL)] {
        let (from, to) = (axes.at(first, growth), axes.at(last, growth));
        svg.line(from, to, colour);
        let text = if colour == GOAL {
            "goal".to_owned()
        } else {
            format!("{growth}")
        };
        svg.text((from.0 - 8.0, from.1 + 4.0), Anchor::End, &text);
    }
    let first_database = report.growth.first()?.database;
    for size in report
        .growth
        .iter()
        .filter(|it| it.database == first_database)
    {
        let (x, _) = axes.at(size.users, 0.0);
        svg.text(
            (x, Axes::BOTTOM + 20.0),
            Anchor::Middle,
            &format!("{} users", size.users),
        );
    }
    for (index, line) in lines.iter().enumerate() {
        let points: Vec<_> = line.points.iter().map(|it| axes.at(it.0, it.1)).collect();
        svg.path(&points, line.colour, 2.0);
        for point in points {
            svg.dot(point, line.colour);
        }
        let y = TOP + 20.0 * index as f64;
        svg.rectangle((Axes::RIGHT + 20.0, y - 9.0), (12.0, 10.0), line.colour);
        svg.text((Axes::RIGHT + 38.0, y), Anchor::Start, &line.name);
    }
    Some(svg)
}

struct Line {
    name: String,
    colour: &'static str,
    points: Vec<(u64, f64)>,
}

/// A line for each call on each database.
fn lines(report: &Report) -> Vec<Line> {
    let line = |name, database, cost: fn(&Growth) -> CallCost, colour| {
        let sizes = || report.growth.iter().filter(|it| it.database == database);
        let first = cost(sizes().next()?);
        Some(Line {
            name: format!("{name}, {database}"),
            colour,
            points: sizes()
                .map(|it| (it.users, cost(it).beside(first)))
                .collect(),
        })
    };
    let of = |database| {
        let (dark, light) = colours(database);
        let check = line("ValidateSession", database, |it| it.validate_session, dark);
        let login = line("ValidLogin", database, |it| it.valid_login, light);
        check.into_iter().chain(login)
    };
    Database::ALL.into_iter().flat_map(of).collect()
}
