//! What `vestibule caller list` prints: everything but secrets, which the database does not have.

use crate::{cli::output::render_time, domain::CallerRecord};

const NONE: &str = "there are no callers: nobody may act on users by name";

/// A block of lines for each caller.
pub(in crate::cli) fn render(callers: &[CallerRecord]) -> String {
    if callers.is_empty() {
        return NONE.to_owned();
    }
    let lines: Vec<String> = callers.iter().flat_map(render_caller).collect();
    lines.join("\n")
}

fn render_caller(record: &CallerRecord) -> Vec<String> {
    let name = &record.caller.name;
    let mut lines = vec![format!("{name}  added {}", render_time(record.created_at))];
    let grants = record.caller.grants.iter();
    lines.extend(grants.map(|method| format!("  allow     {method}")));
    let identities = record.identities.iter();
    lines.extend(identities.map(|identity| format!("  identity  {identity}")));
    lines.extend(record.keys.iter().map(|key| {
        let end = key
            .expires_at
            .map_or_else(|| "never".to_owned(), render_time);
        let made = render_time(key.created_at);
        format!("  key       {}  created {made}  expires {end}", key.id)
    }));
    lines
}
