//! Logs.

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
pub struct Settings {
    /// The form.
    pub format: LogFormat,
    /// error, warn, info, debug or trace.
    pub level: tracing::Level,
}
