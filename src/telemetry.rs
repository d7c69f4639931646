//! Logs: one line per event on standard error, for people on a terminal and JSON elsewhere, so that
//! standard output stays what a command was asked for.
//!
//! Values come from callers and from the network, so both forms escape and cut them. Dependencies
//! never say more than their warnings, whatever the level: their debug output holds statements,
//! metadata and bodies.

mod escape;
mod fields;
mod line;
mod queue;

use std::{
    error::Error,
    io::{self, IsTerminal},
    panic::{self, PanicHookInfo},
    sync::OnceLock,
    thread,
};

use tracing::{
    Level, Metadata, Subscriber, error, level_filters::LevelFilter, subscriber::set_global_default,
};
use tracing_subscriber::{
    Layer, Registry, filter::FilterFn, fmt::MakeWriter, layer::SubscriberExt,
};

use line::{LineForm, LogLayer};
use queue::LogQueue;

/// What the process logs into, once [`init`] was called.
static QUEUE: OnceLock<LogQueue> = OnceLock::new();

/// The crates whose events follow `log.level`.
const OWN_CRATES: [&str; 2] = ["vestibule", "migrations"];
/// Targets that are never written: statements with their values, and what a database server says
/// about them.
const SILENT_TARGETS: [&str; 2] = ["sqlx::query", "sqlx::postgres::notice"];

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Human-readable on a terminal, JSON elsewhere.
    Auto,
    /// One JSON object per line.
    Json,
    /// For people.
    Text,
}

/// What is logged, and how.
#[derive(Debug, Clone)]
pub struct TelemetrySettings {
    /// The form.
    pub format: LogFormat,
    /// error, warn, info, debug or trace.
    pub level: Level,
}

/// Starts logging for the whole process, panics included.
pub fn init(settings: &TelemetrySettings) {
    let installed = match LogQueue::spawn(io::stderr()) {
        Ok(queue) => set_global_default(subscriber(settings, QUEUE.get_or_init(|| queue).clone())),
        // Without a thread to write, whoever says something writes it.
        Err(_) => set_global_default(subscriber(settings, io::stderr)),
    };
    // An error says that somebody has set a subscriber before: it stays.
    if installed.is_ok() {
        panic::set_hook(Box::new(log_panic));
    }
}

/// Waits until what was logged is written, though not for a reader that has stopped reading. The
/// last thing that a process does.
pub fn flush() {
    if let Some(queue) = QUEUE.get() {
        queue.flush();
    }
}

/// How many log lines were lost because they came faster than they were read.
pub fn lost_lines() -> u64 {
    QUEUE.get().map_or(0, LogQueue::lost)
}

/// What [`init`] installs, over any writer; tests read what it wrote.
pub fn subscriber<W>(settings: &TelemetrySettings, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let for_people = match settings.format {
        LogFormat::Json => false,
        LogFormat::Text => true,
        LogFormat::Auto => io::stderr().is_terminal(),
    };
    let form = if for_people {
        LineForm::Text
    } else {
        LineForm::Json
    };
    let level = settings.level;
    // Spans carry the request id, so they are open at any level.
    let filter = FilterFn::new(move |metadata| is_written(metadata, level))
        .with_max_level_hint(LevelFilter::from_level(level.max(Level::INFO)));
    Registry::default().with(LogLayer::new(form, writer).with_filter(filter))
}

fn is_written(metadata: &Metadata<'_>, level: Level) -> bool {
    let target = metadata.target();
    let within = |root: &str| {
        target
            .strip_prefix(root)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    if OWN_CRATES.into_iter().any(within) {
        metadata.is_span() || *metadata.level() <= level
    } else {
        *metadata.level() <= level.min(Level::WARN) && !SILENT_TARGETS.into_iter().any(within)
    }
}

/// An error and its causes on one line, each text once: some errors quote their cause already. By
/// `Display` alone, because a driver's `Debug` prints rows. For logs; callers are told nothing of it.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}

/// Says where, never what: the message of a panic may quote a value.
fn log_panic(info: &PanicHookInfo<'_>) {
    let location = info.location().map(ToString::to_string);
    error!(
        location = location.as_deref().unwrap_or("unknown"),
        thread = thread::current().name().unwrap_or("unnamed"),
        "panicked"
    );
}

#[cfg(test)]
mod tests;
