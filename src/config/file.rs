//! The configuration file: TOML, one table per section, each value with its line.

use std::{fs, path::Path};

use toml::de::{DeTable, DeValue};

use super::{key::Key, problem::ConfigProblem};

/// One `name = value` of the file.
pub(super) struct Entry {
    pub(super) section: String,
    pub(super) name: String,
    pub(super) value: String,
    pub(super) line: usize,
}

/// Reads the whole file: each unusable part becomes a problem, and the rest is returned.
pub(super) fn read_entries(
    path: &Path,
    source: &str,
    keys: &[&Key],
    problems: &mut Vec<ConfigProblem>,
) -> Vec<Entry> {
    match fs::read_to_string(path) {
        Ok(text) => entries(path, &text, keys, problems),
        Err(error) => {
            problems.push(ConfigProblem {
                key: "config".to_owned(),
                source: source.to_owned(),
                wrong: format!("{} cannot be read: {error}", path.display()),
                fix: "name a TOML file that this user may read".to_owned(),
            });
            Vec::new()
        }
    }
}

fn entries(
    path: &Path,
    text: &str,
    keys: &[&Key],
    problems: &mut Vec<ConfigProblem>,
) -> Vec<Entry> {
    let line = |offset: usize| 1 + text[..offset].matches('\n').count();
    let mut report = |key: &str, offset: usize, wrong: &str, fix: &str| {
        problems.push(ConfigProblem {
            key: key.to_owned(),
            source: format!("{}:{}", path.display(), line(offset)),
            wrong: wrong.to_owned(),
            fix: fix.to_owned(),
        });
    };
    let (document, faults) = DeTable::parse_recoverable(text);
    for fault in faults {
        // The error's Display would quote the line, which may hold a secret.
        let offset = fault.span().map_or(0, |span| span.start.min(text.len()));
        report("config", offset, fault.message(), "write TOML");
    }
    let mut entries = Vec::new();
    for (section, table) in document.into_inner() {
        let (offset, section) = (section.span().start, section.into_inner());
        let DeValue::Table(table) = table.into_inner() else {
            let fix = "put keys below a section, such as [grpc]";
            report(&section, offset, "is no section", fix);
            continue;
        };
        if table.is_empty() && !keys.iter().any(|key| key.section == section) {
            report(&section, offset, "is no section", "correct its name");
        }
        for (name, value) in table {
            let (offset, name) = (name.span().start, name.into_inner().into_owned());
            let Some(value) = scalar(value.get_ref()) else {
                let wrong = "is neither text, a whole number nor true or false";
                report(&format!("{section}.{name}"), offset, wrong, "quote it");
                continue;
            };
            entries.push(Entry {
                section: section.to_string(),
                line: line(offset),
                name,
                value,
            });
        }
    }
    entries
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => i128::from_str_radix(number.as_str(), number.radix())
            .ok()
            .map(|number| number.to_string()),
        DeValue::Boolean(switch) => Some(switch.to_string()),
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}
