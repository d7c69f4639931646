//! The section `log`.

use tracing::Level;

use super::{Key, key::KeyDefault::Value, parse, reader::Reader};
use crate::telemetry::{LogFormat, TelemetrySettings};

/// `VESTIBULE_LOG_FORMAT`, default `auto`.
const FORMAT: Key = Key::new(
    "log",
    "format",
    Value("auto"),
    "text, json, or auto: text on a terminal, json elsewhere",
);

/// `VESTIBULE_LOG_LEVEL`, default `info`.
const LEVEL: Key = Key::new(
    "log",
    "level",
    Value("info"),
    "error, warn, info, debug or trace",
);

pub(super) const KEYS: &[&Key] = &[&FORMAT, &LEVEL];

const FORMATS: [(&str, LogFormat); 3] = [
    ("auto", LogFormat::Auto),
    ("text", LogFormat::Text),
    ("json", LogFormat::Json),
];

const LEVELS: [(&str, Level); 5] = [
    ("error", Level::ERROR),
    ("warn", Level::WARN),
    ("info", Level::INFO),
    ("debug", Level::DEBUG),
    ("trace", Level::TRACE),
];

pub(super) fn read_section(reader: &mut Reader<'_>) -> Option<TelemetrySettings> {
    let format = reader.read(&FORMAT, parse::word(&FORMATS));
    let level = reader.read(&LEVEL, parse::word(&LEVELS));
    Some(TelemetrySettings {
        format: format?,
        level: level?,
    })
}
