//! `config show`: the configuration in force as a file that can be loaded, each value with its source.

use std::fmt::Write as _;

use super::{Key, database, database_url, reader::Reader, values::RawValue};

pub(super) fn render(reader: &Reader<'_>) -> String {
    let mut shown = String::new();
    let mut section = "";
    for key in &reader.keys {
        if key.section != section {
            let gap = if section.is_empty() { "" } else { "\n" };
            section = key.section;
            // Writing to a String cannot fail.
            let _ = writeln!(shown, "{gap}[{section}]");
        }
        let _ = match reader.values.get(key) {
            Some(value) => writeln!(shown, "{} # {}", assignment(key, value), value.source),
            None if reader.hidden.contains(key) => Ok(()),
            None => writeln!(shown, "# {}: {}", key.name, key.default_text()),
        };
    }
    shown
}

fn assignment(key: &Key, value: &RawValue) -> String {
    let text = value.text.to_string_lossy();
    if value.in_file {
        return format!("{}_file = {}", key.name, quote(&text));
    }
    let text = match key.secret {
        true if *key == database::URL => database_url::mask_password(&text),
        true => database_url::MASK.to_owned(),
        false => text.into_owned(),
    };
    let number = text
        .parse::<u64>()
        .is_ok_and(|number| number.to_string() == text);
    let bare = number || text.parse::<bool>().is_ok();
    let text = if bare { text } else { quote(&text) };
    format!("{} = {text}", key.name)
}

fn quote(text: &str) -> String {
    toml::Value::from(text).to_string()
}
