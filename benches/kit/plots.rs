//! The three plots: throughput against the limit, latency under storm, growth.

use std::path::Path;

use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use crate::{
    Result,
    figures::{CallCost, CallFigures, Growth},
    goals,
    report::Report,
    store::Database,
    table::{describe_machine, number},
};

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

const WIDTH: u32 = 760;
/// Where bars begin, and the length of the longest.
const LEFT: i32 = 210;
const BAR: f64 = 350.0;
const ROW: i32 = 30;
const TOP: i32 = 62;
const FOOT: i32 = 30;

/// Sizes of text; 1.24 units are a pixel.
const TITLE: i32 = 20;
const LABEL: i32 = 15;
const SMALL: i32 = 12;

const INK: RGBColor = RGBColor(0x1f, 0x24, 0x30);
const GOAL: RGBColor = RGBColor(0xc2, 0x41, 0x3b);

/// A dark and a light colour, which the colour-blind can tell from the other database's.
fn colours(database: Database) -> (RGBColor, RGBColor) {
    match database {
        Database::Sqlite => (RGBColor(0x1f, 0x6f, 0xb4), RGBColor(0x9c, 0xc3, 0xe6)),
        Database::Postgres => (RGBColor(0xc9, 0x73, 0x1a), RGBColor(0xf0, 0xc3, 0x91)),
    }
}

/// Draws the plots of those figures that were measured.
pub(crate) fn draw(report: &Report, folder: &Path) -> Result<()> {
    draw_limits(report, &folder.join("limits.svg"))?;
    draw_storms(report, &folder.join("storm.svg"))?;
    draw_growth(report, &folder.join("growth.svg"))
}

/// A white area, so that it is legible on a dark page, with a title and the machine.
fn new_area<'a>(file: &'a Path, height: i32, title: &str, report: &Report) -> Result<Area<'a>> {
    let area = SVGBackend::new(file, (WIDTH, height as u32)).into_drawing_area();
    area.fill(&WHITE)?;
    area.draw(&text(title.to_owned(), (16, 22), HPos::Left, TITLE, INK))?;
    let machine = describe_machine(report);
    area.draw(&text(machine, (16, height - 12), HPos::Left, SMALL, INK))?;
    Ok(area)
}

/// A text whose middle line is at a height.
fn text<'a>(
    text: String,
    at: (i32, i32),
    anchor: HPos,
    size: i32,
    colour: RGBColor,
) -> Text<'a, (i32, i32), String> {
    let style = ("sans-serif", size).into_font().color(&colour);
    Text::new(text, at, style.pos(Pos::new(anchor, VPos::Center)))
}

fn bar(y: i32, length: f64, colour: RGBColor) -> Rectangle<(i32, i32)> {
    let corners = [(LEFT, y), (LEFT + length as i32, y + 20)];
    Rectangle::new(corners, colour.filled())
}

fn draw_limits(report: &Report, file: &Path) -> Result<()> {
    let bars: Vec<_> = report
        .calls
        .iter()
        .filter_map(|calls| Some((calls, calls.database?, calls.ratio()?)))
        .collect();
    let Some(longest) = bars.iter().map(|bar| bar.2).reduce(f64::max) else {
        return Ok(());
    };
    let scale = BAR / longest.max(1.0);
    let x = |ratio: f64| LEFT + (ratio * scale) as i32;
    let bottom = TOP + ROW * i32::try_from(bars.len())?;
    let area = new_area(
        file,
        bottom + FOOT,
        "Throughput ÷ limit in the same run",
        report,
    )?;
    let limit = [(x(1.0), TOP - 8), (x(1.0), bottom)];
    area.draw(&PathElement::new(limit, INK))?;
    area.draw(&text(
        "limit".to_owned(),
        (x(1.0), TOP - 18),
        HPos::Center,
        LABEL,
        INK,
    ))?;
    area.draw(&text(
        "| goal".to_owned(),
        (LEFT, TOP - 18),
        HPos::Left,
        LABEL,
        GOAL,
    ))?;
    for (row, (calls, database, ratio)) in (0..).zip(bars) {
        let y = TOP + ROW * row;
        let name = format!("{}, {database}", calls.name);
        area.draw(&text(name, (LEFT - 8, y + 10), HPos::Right, LABEL, INK))?;
        area.draw(&bar(y, ratio * scale, colours(database).0))?;
        if let Some(goal) = share_wanted(calls, database) {
            let mark = [(x(goal), y - 3), (x(goal), y + 23)];
            area.draw(&PathElement::new(mark, GOAL.stroke_width(2)))?;
        }
        let value = format!("{} ({}/s)", number(ratio), number(calls.per_second));
        let end = (x(ratio.max(1.0)) + 8, y + 10);
        area.draw(&text(value, end, HPos::Left, LABEL, INK))?;
    }
    Ok(area.present()?)
}

fn share_wanted(calls: &CallFigures, database: Database) -> Option<f64> {
    match calls.name {
        "ValidLogin" => Some(goals::LOGIN_SHARE),
        "ValidateSession" => Some(goals::check_share(database)),
        _ => None,
    }
}

fn draw_storms(report: &Report, file: &Path) -> Result<()> {
    let storms = &report.storms;
    let slowest = storms
        .iter()
        .map(|storm| storm.stormed.p99_ms.max(storm.alone.p99_ms));
    let Some(slowest) = slowest.reduce(f64::max) else {
        return Ok(());
    };
    let height = TOP + 2 * (ROW + 4) * i32::try_from(storms.len())? + FOOT;
    let title = "ValidateSession p99, alone and in a login storm";
    let area = new_area(file, height, title, report)?;
    for (row, storm) in (0..).zip(storms) {
        let y = TOP + 2 * (ROW + 4) * row;
        let (dark, light) = colours(storm.database);
        let name = format!("{}, {}", storm.load, storm.database);
        area.draw(&text(name, (16, y + 22), HPos::Left, LABEL, INK))?;
        let growth = format!(", × {} (goal ≤ 3)", number(storm.p99_growth()));
        let rows = [
            (y, "alone", &storm.alone, light, ""),
            (y + 24, "storm", &storm.stormed, dark, growth.as_str()),
        ];
        for (y, when, checks, colour, growth) in rows {
            let length = BAR * checks.p99_ms / slowest;
            area.draw(&text(
                when.to_owned(),
                (LEFT - 8, y + 10),
                HPos::Right,
                LABEL,
                INK,
            ))?;
            area.draw(&bar(y, length, colour))?;
            let value = format!("{} ms{growth}", number(checks.p99_ms));
            let end = (LEFT + length as i32 + 8, y + 10);
            area.draw(&text(value, end, HPos::Left, LABEL, INK))?;
        }
    }
    Ok(area.present()?)
}

fn draw_growth(report: &Report, file: &Path) -> Result<()> {
    let sizes = || report.growth.iter().map(|growth| growth.users);
    let (Some(first), Some(last)) = (sizes().min(), sizes().max()) else {
        return Ok(());
    };
    let lines = growth_lines(report);
    let points = lines.iter().flat_map(|line| &line.points);
    let highest = points.map(|point| point.1).fold(goals::GROWTH, f64::max) * 1.1;
    let users = first as f64..(last as f64).max(first as f64 + 1.0);

    let title = format!("Cost of a call ÷ its cost at {first} users");
    let area = new_area(file, 340, &title, report)?;
    let mut chart = ChartBuilder::on(&area)
        .margin_top(TOP - 20)
        .margin_bottom(FOOT)
        .margin_right(55)
        .x_label_area_size(30)
        .y_label_area_size(60)
        .build_cartesian_2d(users.clone().log_scale(), 0.0..highest)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .label_style(("sans-serif", LABEL).into_font().color(&INK))
        .x_label_formatter(&|users| format!("{users:.0} users"))
        .x_labels(4)
        .y_labels(5)
        .draw()?;
    let goal = [(users.start, goals::GROWTH), (users.end, goals::GROWTH)];
    chart
        .draw_series(LineSeries::new(goal, GOAL))?
        .label("goal")
        .legend(|(x, y)| PathElement::new([(x, y), (x + 16, y)], GOAL));
    for line in lines {
        let style = line.colour.filled().stroke_width(2);
        chart
            .draw_series(LineSeries::new(line.points, style).point_size(4))?
            .label(line.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], style));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerLeft)
        .label_font(("sans-serif", LABEL).into_font().color(&INK))
        .draw()?;
    Ok(area.present()?)
}

struct Line {
    name: String,
    colour: RGBColor,
    points: Vec<(f64, f64)>,
}

/// A line for each call on each database.
fn growth_lines(report: &Report) -> Vec<Line> {
    let line = |name, database, cost: fn(&Growth) -> CallCost, colour| {
        let sizes = || report.growth.iter().filter(|it| it.database == database);
        let first = cost(sizes().next()?);
        Some(Line {
            name: format!("{name}, {database}"),
            colour,
            points: sizes()
                .map(|it| (it.users as f64, cost(it).relative_to(first)))
                .collect(),
        })
    };
    let lines_on = |database| {
        let (dark, light) = colours(database);
        let check = line("ValidateSession", database, |it| it.validate_session, dark);
        let login = line("ValidLogin", database, |it| it.valid_login, light);
        check.into_iter().chain(login)
    };
    Database::ALL.into_iter().flat_map(lines_on).collect()
}
