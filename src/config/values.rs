//! Joins the sources: the winning value of each key, and a problem for each unknown name.

use std::{collections::BTreeMap, ffi::OsString, path::Path};

use super::{
    Environment, Flags, Key, file,
    key::KeyDefault,
    problem::{ConfigProblem, nearest_name},
    service_links::is_service_link,
    source::ValueSource,
};

/// The only variable that belongs to no key.
const CONFIG_VARIABLE: &str = "VESTIBULE_CONFIG";
const PREFIX: &str = "VESTIBULE_";

/// A value before it is parsed. No `Debug`: it may be a secret.
pub(super) struct RawValue {
    pub(super) text: OsString,
    pub(super) source: ValueSource,
    /// Whether `text` is the path of a file that holds the value.
    pub(super) in_file: bool,
}

/// The winning value of each key, by `section.name`.
#[derive(Default)]
pub(super) struct RawValues(BTreeMap<String, RawValue>);

impl RawValues {
    pub(super) fn get(&self, key: &Key) -> Option<&RawValue> {
        self.0.get(&key.path())
    }

    pub(super) fn set(&mut self, key: &Key, text: impl Into<OsString>, source: ValueSource) {
        self.insert(key, text.into(), source, false);
    }

    fn insert(&mut self, key: &Key, text: OsString, source: ValueSource, in_file: bool) {
        self.0.insert(
            key.path(),
            RawValue {
                text,
                source,
                in_file,
            },
        );
    }
}

/// Reads the sources from the weakest to the strongest; a later value replaces an earlier one.
pub(super) fn collect(
    keys: &[&'static Key],
    flags: &Flags,
    environment: &Environment,
) -> (RawValues, Vec<ConfigProblem>) {
    let mut collector = Collector {
        keys,
        values: RawValues::default(),
        problems: Vec::new(),
    };
    collector.add_defaults(flags.dev);
    if let Some(path) = &flags.config {
        collector.add_file(path, "--config");
    } else if let Some(path) = environment.get(CONFIG_VARIABLE) {
        collector.add_file(Path::new(path), CONFIG_VARIABLE);
    }
    collector.add_environment(environment);
    for (key, text) in &flags.values {
        let source = ValueSource::Flag(key.flag().unwrap_or_default());
        collector.values.set(key, text, source);
    }
    (collector.values, collector.problems)
}

struct Collector<'a> {
    keys: &'a [&'static Key],
    values: RawValues,
    problems: Vec<ConfigProblem>,
}

impl Collector<'_> {
    fn add_defaults(&mut self, dev: bool) {
        for key in self.keys {
            match (key.default, key.dev_default.filter(|_| dev)) {
                (_, Some(text)) => self.values.set(key, text, ValueSource::Dev),
                (KeyDefault::Value(text), None) => self.values.set(key, text, ValueSource::Default),
                (KeyDefault::Described(_), None) => {}
            }
        }
    }

    fn add_file(&mut self, path: &Path, source: &str) {
        let mut seen = Vec::new();
        for entry in file::read_entries(path, source, self.keys, &mut self.problems) {
            let name = format!("{}.{}", entry.section, entry.name);
            let source = ValueSource::File {
                path: path.to_owned(),
                line: entry.line,
            };
            match self.find(&name, Key::path, "_file") {
                Some(found) => self.add(&mut seen, found, entry.value.into(), source),
                None => self.refuse(&name, source.to_string(), Key::path),
            }
        }
    }

    fn add_environment(&mut self, environment: &Environment) {
        let mut seen = Vec::new();
        for (name, text) in environment.iter() {
            let Some(rest) = name.strip_prefix(PREFIX) else {
                continue;
            };
            if let Some(found) = self.find(name, Key::variable, "_FILE") {
                let source = ValueSource::Variable(name.to_owned());
                self.add(&mut seen, found, text.clone(), source);
            } else if name != CONFIG_VARIABLE && !is_service_link(rest) {
                self.refuse(name, "environment".to_owned(), Key::variable);
            }
        }
    }

    /// The key of a name, and whether the name ends in the suffix of a secret's file.
    fn find(
        &self,
        name: &str,
        spelling: fn(&Key) -> String,
        suffix: &str,
    ) -> Option<(&'static Key, bool)> {
        let base = name.strip_suffix(suffix);
        self.keys.iter().find_map(|key| {
            let spelled = spelling(key);
            let in_file = key.secret && base == Some(&*spelled);
            (in_file || spelled == name).then_some((*key, in_file))
        })
    }

    /// Adds a value of a source, which may set each key once: directly or as a file.
    fn add(
        &mut self,
        seen: &mut Vec<&'static Key>,
        (key, in_file): (&'static Key, bool),
        text: OsString,
        source: ValueSource,
    ) {
        if seen.contains(&key) {
            self.problems.push(ConfigProblem {
                key: key.path(),
                source: source.to_string(),
                wrong: "is given both directly and as a file".to_owned(),
                fix: "remove one of the two".to_owned(),
            });
        }
        seen.push(key);
        self.values.insert(key, text, source, in_file);
    }

    fn refuse(&mut self, name: &str, source: String, spelling: fn(&Key) -> String) {
        let names = self.keys.iter().map(|key| spelling(key));
        let fix = nearest_name(name, names).map_or_else(
            || "remove it, or see `vestibule config show` for what there is".to_owned(),
            |near| format!("did you mean {near}?"),
        );
        self.problems.push(ConfigProblem {
            key: name.to_owned(),
            source,
            wrong: "is not a setting".to_owned(),
            fix,
        });
    }
}
