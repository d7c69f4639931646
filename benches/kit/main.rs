//! The benchmark kit: starts the release binary, loads it, and tells each figure as a ratio to its
//! limit on the same machine in the same minutes. `docs/performance.md` says what each one means.
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
mod folder;
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
mod svg;
mod table;

use std::{error::Error, fs, process::ExitCode};

use arguments::Order;
use report::Report;

/// What went wrong, for a person to read.
type Failure = Box<dyn Error + Send + Sync>;
type Result<T> = std::result::Result<T, Failure>;

fn main() -> ExitCode {
    let done = match arguments::read() {
        Ok(Order::Measure(wish)) => scenarios::run(&wish).and_then(|report| tell(&report)),
        Ok(Order::ServeNothing) => bare::serve().map(|()| ExitCode::SUCCESS),
        Ok(Order::Help) => {
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

/// A goal that is missed is a figure like any other; only what could not be measured is a failure.
fn tell(report: &Report) -> Result<ExitCode> {
    let figures = table::of(report);
    print!("{figures}");
    let folder = report.folder()?;
    plots::draw(report, &folder)?;
    fs::write(folder.join("figures.md"), table::page(&figures))?;
    println!("\npage and plots: {}", folder.display());
    println!("json: {}", report.write_json()?.display());
    for failure in &report.failures {
        eprintln!("bench: {failure}");
    }
    Ok(ExitCode::from(u8::from(!report.failures.is_empty())))
}
