//! The documentation of the keys agrees with the keys.

use std::{fs, path::Path};

use crate::config::{Key, key::KeyDefault, keys};

#[test]
fn the_documentation_lists_every_key_and_no_other() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let page = fs::read_to_string(page).unwrap();
    let rows: Vec<&str> = page
        .lines()
        .filter(|line| line.contains("`VESTIBULE_") && line.starts_with("| `"))
        .collect();
    let expected: Vec<String> = keys().map(row).collect();
    for row in &expected {
        assert!(rows.iter().any(|line| line.starts_with(row)), "{row}");
    }
    assert_eq!(rows.len(), expected.len());
}

fn row(key: &Key) -> String {
    let flag = key
        .flag()
        .map_or_else(|| "—".to_owned(), |flag| format!("`--{flag}`"));
    let start = format!("| `{}` | `{}` | {flag} |", key.path(), key.variable());
    match key.default {
        KeyDefault::Value(text) => format!("{start} `{text}` |"),
        KeyDefault::Described(_) => start,
    }
}

#[test]
fn the_comment_of_each_key_names_its_variable_and_its_default() {
    for key in keys() {
        let file = format!("src/config/{}.rs", key.section);
        let code = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        let default = match key.default {
            KeyDefault::Value(text) => format!("default `{text}`"),
            KeyDefault::Described(_) => "default: ".to_owned(),
        };
        let comment = format!("/// `{}`, {default}", key.variable());
        assert!(code.contains(&comment), "{comment}");
    }
}

/// Kubernetes' service links could have such names.
#[test]
fn no_key_is_called_port_host_or_service() {
    for key in keys() {
        assert!(!["port", "host"].contains(&key.name), "{}", key.path());
        assert!(!key.name.starts_with("service_"), "{}", key.path());
        assert!(!key.section.contains('_'), "{}", key.path());
    }
}
