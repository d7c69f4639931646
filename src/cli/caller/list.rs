//! What `vestibule caller list` prints: everything but secrets, which nobody has.

use chrono::SecondsFormat;

use crate::domain::{CallerRecord, Timestamp};

const NONE: &str = "there are no callers: nobody may act on users by name";

/// A block of lines for each caller.
pub(super) fn listed(callers: &[CallerRecord]) -> String {
    if callers.is_empty() {
        return NONE.to_owned();
    }
    let lines: Vec<String> = callers.iter().flat_map(lines_of).collect();
    lines.join("\n")
}

fn lines_of(record: &CallerRecord) -> Vec<String> {
    let name = &record.caller.name;
    let mut lines = vec![format!("{name}  added {}", at(record.created_at))];
    let grants = record.caller.grants.iter();
    lines.extend(grants.map(|method| format!("  allow     {method}")));
    let identities = record.identities.iter();
    lines.extend(identities.map(|identity| format!("  identity  {identity}")));
    lines.extend(record.keys.iter().map(|key| {
        let end = key.expires_at.map_or_else(|| "never".to_owned(), at);
        let made = at(key.created_at);
        format!("  key       {}  created {made}  expires {end}", key.id)
    }));
    lines
}

fn at(instant: Timestamp) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Secs, true)
}
