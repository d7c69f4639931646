//! Logs: one line per event on standard error, as text on a terminal and as JSON elsewhere. Standard
//! output is left to the results of commands.
//!
//! Values come from callers and from the network, so both formats escape and cut them. Of dependencies
//! only warnings and errors are logged, whatever the level: their debug output holds statements,
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

/// The queue that the process logs into, once [`init`] was called.
static QUEUE: OnceLock<LogQueue> = OnceLock::new();

/// The crates whose events follow `log.level`.
const OWN_CRATES: [&str; 2] = ["vestibule", "migrations"];
/// Targets that are never logged: statements with their values, and the database server's notices
/// about them.
const SILENT_TARGETS: [&str; 2] = ["sqlx::query", "sqlx::postgres::notice"];

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// One JSON object per line.
    Json,
    Text,
}

/// The level and format of logs.
#[derive(Debug, Clone)]
pub struct TelemetrySettings {
    /// The format of lines.
    pub format: LogFormat,
    /// The least severe level that is logged.
    pub level: Level,
}

/// Starts logging for the whole process, panics included.
pub fn init(settings: &TelemetrySettings) {
    let installed = match LogQueue::spawn(io::stderr()) {
        Ok(queue) => set_global_default(subscriber(settings, QUEUE.get_or_init(|| queue).clone())),
        // Without a writer thread, the thread that logs writes.
        Err(_) => set_global_default(subscriber(settings, io::stderr)),
    };
    // An error means that a subscriber was set before, which stays.
    if installed.is_ok() {
        panic::set_hook(Box::new(log_panic));
    }
}

/// Waits until the log is written, at most a second in case its reader has stopped. The last call of a
/// process.
pub fn flush() {
    if let Some(queue) = QUEUE.get() {
        queue.flush();
    }
}

/// The number of log lines that were dropped because they came faster than they were read.
pub fn lost_lines() -> u64 {
    QUEUE.get().map_or(0, LogQueue::lost)
}

/// The subscriber that [`init`] installs, over any writer; tests read the output.
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

/// Renders an error and its causes on one line for the log, never for callers. A text that an error
/// already quotes is not repeated. Only `Display` is used, because a driver's `Debug` prints rows.
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

/// Logs the location of a panic, not its message, which may quote a value.
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
