//! Joins the sources: for each key the value that wins, and a problem for each name that no key has.

use std::{collections::BTreeMap, ffi::OsString, path::Path};

use super::{
    Environment, Flags, Key, file,
    key::Default,
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
}

/// Lays the sources over one another, the strongest last.
pub(super) fn collect(
    keys: &[&'static Key],
    flags: &Flags,
    environment: &Environment,
) -> (Values, Vec<Problem>) {
    let mut collector = Collector {
        keys,
        values: Values::default(),
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
        let origin = Origin::Flag(key.flag().unwrap_or_default());
        collector.values.set(key, text, origin);
    }
    (collector.values, collector.problems)
}

struct Collector<'a> {
    keys: &'a [&'static Key],
    values: Values,
    problems: Vec<Problem>,
}

impl Collector<'_> {
    fn add_defaults(&mut self, dev: bool) {
        for key in self.keys {
            match (key.default, key.dev_default.filter(|_| dev)) {
                (_, Some(text)) => self.values.set(key, text, Origin::Dev),
                (Default::Value(text), None) => self.values.set(key, text, Origin::Default),
                (Default::Described(_), None) => {}
            }
        }
    }

    fn add_file(&mut self, path: &Path, source: &str) {
        let mut seen = Vec::new();
        for entry in file::read(path, source, self.keys, &mut self.problems) {
            let name = format!("{}.{}", entry.section, entry.name);
            let origin = Origin::File {
                path: path.to_owned(),
                line: entry.line,
            };
            match self.find(&name, Key::path, "_file") {
                Some(found) => self.add(&mut seen, found, entry.value.into(), origin),
                None => self.refuse(&name, origin.to_string(), Key::path),
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
                let origin = Origin::Variable(name.to_owned());
                self.add(&mut seen, found, text.clone(), origin);
            } else if name != CONFIG_VARIABLE && !is_service_link(rest) {
                self.refuse(name, "environment".to_owned(), Key::variable);
            }
        }
    }

    /// The key of a name, and whether the name is its variant for a file.
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

    /// Adds a value of a source in which each key may stand once, as itself or as a file.
    fn add(
        &mut self,
        seen: &mut Vec<&'static Key>,
        (key, in_file): (&'static Key, bool),
        text: OsString,
        origin: Origin,
    ) {
        if seen.contains(&key) {
            self.problems.push(Problem {
                key: key.path(),
                source: origin.to_string(),
                wrong: "is given both directly and as a file".to_owned(),
                fix: "remove one of the two".to_owned(),
            });
        }
        seen.push(key);
        self.values.insert(key, text, origin, in_file);
    }

    fn refuse(&mut self, name: &str, source: String, spelling: fn(&Key) -> String) {
        let names = self.keys.iter().map(|key| spelling(key));
        let fix = did_you_mean(name, names).map_or_else(
            || "remove it, or see `vestibule config show` for what there is".to_owned(),
            |near| format!("did you mean {near}?"),
        );
        self.problems.push(Problem {
            key: name.to_owned(),
            source,
            wrong: "is not a setting".to_owned(),
            fix,
        });
    }
}
