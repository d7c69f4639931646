//! The benchmark kit: starts the release binary, loads it, and reports each figure as a ratio to its
//! limit, measured on the same machine in the same minutes. `docs/performance.md` explains the figures.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a program for people on a terminal, whose figures have three digits that count"
)]

mod arguments;
mod bare;
mod calls;
mod client;
mod figures;
mod folder;
mod goal;
mod goals;
mod hashes;
mod load;
mod machine;
mod plots;
mod postgres;
mod report;
mod sample;
mod scenarios;
mod server;
mod store;
mod table;

use std::{error::Error, fs, process::ExitCode};

use arguments::Command;
use report::Report;

type Failure = Box<dyn Error + Send + Sync>;
type Result<T> = std::result::Result<T, Failure>;

fn main() -> ExitCode {
    let done = match arguments::parse_arguments() {
        Ok(Command::Measure(options)) => {
            scenarios::run(&options).and_then(|report| publish(&report))
        }
        Ok(Command::ServeBare) => bare::serve().map(|()| ExitCode::SUCCESS),
        Ok(Command::Help) => {
            println!("{}", arguments::HELP);
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            eprintln!("{error}\n\n{}", arguments::HELP);
            return ExitCode::from(64);
        }
    };
    done.unwrap_or_else(|error| {
        eprintln!("bench: {error}");
        ExitCode::FAILURE
    })
}

/// Prints the report and writes its files. A missed goal is no failure, a scenario that could not be
/// measured is.
fn publish(report: &Report) -> Result<ExitCode> {
    let figures = table::render_report(report);
    print!("{figures}");
    let folder = report.folder()?;
    plots::draw(report, &folder)?;
    fs::write(folder.join("figures.md"), table::render_page(&figures))?;
    println!("\npage and plots: {}", folder.display());
    println!("json: {}", report.write_json()?.display());
    for failure in &report.failures {
        eprintln!("bench: {failure}");
    }
    Ok(ExitCode::from(u8::from(!report.failures.is_empty())))
}
