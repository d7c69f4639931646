//! The format of log lines, and the data that never gets into one.

use std::{
    io,
    sync::{Arc, Mutex},
};

use tracing::{debug, error, info, info_span, subscriber::with_default, trace, warn};
use tracing_subscriber::fmt::MakeWriter;

use super::*;

#[derive(Clone, Default)]
struct Capture(Arc<Mutex<Vec<u8>>>);

impl io::Write for Capture {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Capture {
    type Writer = Self;
    fn make_writer(&self) -> Self {
        self.clone()
    }
}

fn captured(format: LogFormat, level: Level, work: impl FnOnce()) -> Vec<String> {
    let capture = Capture::default();
    let settings = TelemetrySettings { format, level };
    with_default(subscriber(&settings, capture.clone()), work);
    let bytes = capture.0.lock().unwrap().clone();
    let text = String::from_utf8(bytes).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn json(level: Level, work: impl FnOnce()) -> Vec<serde_json::Value> {
    captured(LogFormat::Json, level, work)
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A user name that an attacker sends.
fn hostile() -> String {
    let spoof = "ada\r\n{\"level\":\"INFO\"}\u{1b}[31m\u{9b}2J\"'\\\u{202e}\u{2028}\0";
    format!("{spoof}{}", "x".repeat(1024 * 1024))
}

#[test]
fn a_json_line_has_the_fields_of_its_call_beside_its_own() {
    let lines = json(Level::INFO, || {
        let span = info_span!("call", request_id = "r-1", trace_id = tracing::field::Empty);
        span.record("trace_id", "t-1");
        span.in_scope(|| info!(count = 3, ok = true, share = 0.5, "done"));
    });
    assert_eq!(lines.len(), 1);
    for (name, value) in [
        ("level", serde_json::json!("INFO")),
        ("message", "done".into()),
        ("count", 3.into()),
        ("ok", true.into()),
        ("share", 0.5.into()),
        ("request_id", "r-1".into()),
        ("trace_id", "t-1".into()),
        ("target", "vestibule::telemetry::tests".into()),
    ] {
        assert_eq!(lines[0][name], value, "{name}");
    }
    assert!(lines[0]["timestamp"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn a_text_line_reads_as_a_sentence_with_fields() {
    let lines = captured(LogFormat::Text, Level::INFO, || {
        info_span!("call", request_id = "r-1").in_scope(|| warn!(agent = "a b", "done"));
    });
    let end = r#"  WARN vestibule::telemetry::tests: done agent="a b" request_id=r-1"#;
    assert!(lines[0].ends_with(end), "{lines:?}");
}

/// (L2) Any value results in one valid line, cut to size.
#[test]
fn hostile_values_stay_inside_one_short_line() {
    let hostile = hostile();
    let work = || {
        info_span!("call", agent = %hostile).in_scope(|| error!(email = ?hostile, "{hostile}"));
    };
    for format in [LogFormat::Json, LogFormat::Text] {
        let lines = captured(format, Level::INFO, work);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].len() < 4 * 1024);
        assert!(!lines[0].contains(|c: char| c.is_control() || c == '\u{202e}' || c == '\u{2028}'));
    }
    let lines = json(Level::INFO, work);
    assert_eq!(lines[0]["level"], "ERROR");
    let agent = lines[0]["agent"].as_str().unwrap();
    assert!(agent.starts_with("ada\r\n") && agent.ends_with('…'));
    assert_eq!(agent.chars().count(), 1025);
}

/// (L1) Whatever the level, the bodies, statements and metadata that dependencies log at debug and
/// trace are not written.
#[test]
fn dependencies_are_never_logged_below_a_warning() {
    let lines = json(Level::TRACE, || {
        trace!(target: "h2", "canary");
        debug!(target: "hyper", "canary");
        info!(target: "sea_orm", "canary");
        info!(target: "vestibulex", "canary");
        warn!(target: "sqlx::query", "canary");
        warn!(target: "sqlx::postgres::notice", "canary");
        warn!(target: "sqlx::pool::acquire", "slow");
        trace!("own");
        info!(target: "migrations", "own");
    });
    let messages: Vec<_> = lines.iter().map(|line| &line["message"]).collect();
    assert_eq!(messages, ["slow", "own", "own"]);
}

#[test]
fn the_level_hides_events_but_not_the_request_id() {
    let lines = json(Level::ERROR, || {
        info_span!("call", request_id = "r-1").in_scope(|| {
            warn!("hidden");
            error!("shown");
        });
        warn!(target: "sqlx::pool::acquire", "hidden");
    });
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["request_id"], "r-1");
}

#[test]
fn an_inner_field_hides_an_outer_one_and_none_hides_the_level() {
    let lines = captured(LogFormat::Json, Level::INFO, || {
        info_span!("outer", code = 1, level = "spoofed")
            .in_scope(|| info_span!("inner", code = 2).in_scope(|| info!("done")));
    });
    assert_eq!(lines[0].matches("\"code\":").count(), 1);
    let line: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!((&line["code"], &line["level"]), (&2.into(), &"INFO".into()));
}

/// (L1) A panic is logged as its location; its message may hold a secret.
#[test]
fn a_panic_is_logged_without_its_message() {
    let lines = json(Level::INFO, || {
        let hook = panic::take_hook();
        panic::set_hook(Box::new(log_panic));
        let outcome = panic::catch_unwind(|| panic!("canary\nof two lines"));
        panic::set_hook(hook);
        assert!(outcome.is_err());
    });
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["message"], "panicked");
    let location = lines[0]["location"].as_str().unwrap();
    assert!(
        location.starts_with("src/telemetry/tests.rs:"),
        "{location}"
    );
    assert!(!lines[0].to_string().contains("canary"));
}
