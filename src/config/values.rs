//! Joins the sources: for each key the value that wins, and a problem for each name that no key has.

use std::{collections::BTreeMap, ffi::OsString, path::Path};

use super::{
    Environment, Flags, Key, file,
    key::{Default, keys},
    problem::{Problem, did_you_mean},
    service_links::is_service_link,
    source::Origin,
};

/// The one variable besides those of the keys.
const CONFIG_VARIABLE: &str = "VESTIBULE_CONFIG";
const PREFIX: &str = "VESTIBULE_";

/// A value as text. No `Debug`: it may be a secret.
pub(super) struct Value {
    pub(super) text: OsString,
    pub(super) origin: Origin,
    /// Whether `text` is the path of a file that holds the value.
    pub(super) in_file: bool,
}

/// The value that wins for each key, by `section.name`.
#[derive(std::default::Default)]
pub(super) struct Values(BTreeMap<String, Value>);

impl Values {
    pub(super) fn get(&self, key: &Key) -> Option<&Value> {
        self.0.get(&key.path())
    }

    pub(super) fn set(&mut self, key: &Key, text: impl Into<OsString>, origin: Origin) {
        self.insert(key, text.into(), origin, false);
    }

    fn insert(&mut self, key: &Key, text: OsString, origin: Origin, in_file: bool) {
        self.0.insert(
            key.path(),
            Value {
                text,
                origin,
                in_file,
            },
        );
    }

    /// Lays the sources over one another, the strongest last.
    pub(super) fn collect(
        flags: &Flags,
        environment: &Environment,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut values = Self::default();
        values.add_defaults(flags.dev);
        let config = environment.get(CONFIG_VARIABLE);
        if let Some(path) = &flags.config {
            values.add_file(path, "--config", problems);
        } else if let Some(path) = config {
            values.add_file(Path::new(path), CONFIG_VARIABLE, problems);
        }
        values.add_environment(environment, problems);
        for (key, text) in &flags.values {
            let origin = Origin::Flag(key.flag().unwrap_or_default());
            values.set(key, text, origin);
        }
        values
    }

    fn add_defaults(&mut self, dev: bool) {
        for key in keys() {
            match (key.default, key.dev_default.filter(|_| dev)) {
                (_, Some(text)) => self.set(key, text, Origin::Dev),
                (Default::Value(text), None) => self.set(key, text, Origin::Default),
                (Default::Described(_), None) => {}
            }
        }
    }

    fn add_file(&mut self, path: &Path, source: &str, problems: &mut Vec<Problem>) {
        let mut seen = Vec::new();
        for entry in file::read(path, source, problems) {
            let name = format!("{}.{}", entry.section, entry.name);
            let origin = Origin::File {
                path: path.to_owned(),
                line: entry.line,
            };
            match find(&name, Key::path, "_file") {
                Some((key, in_file)) => {
                    self.add(
                        &mut seen,
                        key,
                        entry.value.into(),
                        origin,
                        in_file,
                        problems,
                    );
                }
                None => problems.push(unknown(&name, origin.to_string(), Key::path)),
            }
        }
    }

    fn add_environment(&mut self, environment: &Environment, problems: &mut Vec<Problem>) {
        let mut seen = Vec::new();
        for (name, text) in environment.iter() {
            let Some(rest) = name.strip_prefix(PREFIX) else {
                continue;
            };
            if let Some((key, in_file)) = find(name, Key::variable, "_FILE") {
                let origin = Origin::Variable(name.to_owned());
                self.add(&mut seen, key, text.clone(), origin, in_file, problems);
            } else if name != CONFIG_VARIABLE && !is_service_link(rest) {
                problems.push(unknown(name, "environment".to_owned(), Key::variable));
            }
        }
    }

    /// Adds a value of a source in which each key may stand once, as itself or as a file.
    fn add(
        &mut self,
        seen: &mut Vec<&'static Key>,
        key: &'static Key,
        text: OsString,
        origin: Origin,
        in_file: bool,
        problems: &mut Vec<Problem>,
    ) {
        if seen.contains(&key) {
            problems.push(Problem {
                key: key.path(),
                source: origin.to_string(),
                wrong: "is given both directly and as a file".to_owned(),
                fix: "remove one of the two".to_owned(),
            });
        }
        seen.push(key);
        self.insert(key, text, origin, in_file);
    }
}

/// The key of a name, and whether the name is its variant for a file.
fn find(name: &str, spelling: fn(&Key) -> String, suffix: &str) -> Option<(&'static Key, bool)> {
    keys()
        .find(|key| spelling(key) == name)
        .map(|key| (key, false))
        .or_else(|| {
            let base = name.strip_suffix(suffix)?;
            keys()
                .find(|key| key.secret && spelling(key) == base)
                .map(|key| (key, true))
        })
}

fn unknown(name: &str, source: String, spelling: fn(&Key) -> String) -> Problem {
    Problem {
        key: name.to_owned(),
        source,
        wrong: "is not a setting".to_owned(),
        fix: did_you_mean(name, keys().map(spelling)).map_or_else(
            || "remove it, or see `vestibule config show` for what there is".to_owned(),
            |near| format!("did you mean {near}?"),
        ),
    }
}
