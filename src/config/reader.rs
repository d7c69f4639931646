//! Reads the keys of a section: hands each text to a parser and collects every fault.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use super::{
    ConfigProblem, ConfigProblems, Environment, Flags, Key,
    permissions::{Exposure, exposure},
    problem::ConfigFault,
    source::ValueSource,
    values::{self, RawValue, RawValues},
};

/// The values that won, and the faults and warnings so far.
pub(super) struct Reader<'a> {
    pub(super) keys: Vec<&'static Key>,
    pub(super) values: RawValues,
    pub(super) dev: bool,
    pub(super) environment: &'a Environment,
    pub(super) warnings: Vec<String>,
    /// Keys without a value whose described default does not apply: `config show` leaves them out.
    pub(super) hidden: Vec<&'static Key>,
    problems: Vec<ConfigProblem>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        keys: Vec<&'static Key>,
        flags: &Flags,
        environment: &'a Environment,
    ) -> Self {
        let (values, problems) = values::collect(&keys, flags, environment);
        Self {
            keys,
            values,
            dev: flags.dev,
            environment,
            warnings: Vec::new(),
            hidden: Vec::new(),
            problems,
        }
    }

    /// The parsed value of a key. `None`: it is not set, or it is faulty and the fault is reported.
    pub(super) fn read<T>(
        &mut self,
        key: &Key,
        parse: impl FnOnce(&str) -> Result<T, ConfigFault>,
    ) -> Option<T> {
        let value = self.values.get(key)?;
        let file = value.in_file.then(|| PathBuf::from(&value.text));
        let parsed = read_text(key, value).and_then(|text| parse(&text));
        if let Some(file) = file {
            self.check_file(key, &file);
        }
        match parsed {
            Ok(value) => Some(value),
            Err(fault) => {
                self.report(key, fault.wrong, fault.fix);
                None
            }
        }
    }

    /// Warns of a file with secrets that every user of the machine may read, and refuses one that every
    /// user may write.
    pub(super) fn check_file(&mut self, key: &Key, file: &Path) {
        match exposure(file) {
            Some(Exposure::Writable(wrong)) => {
                self.report(key, wrong, "take that from them with chmod o-w");
            }
            Some(Exposure::Readable(wrong)) => {
                self.warn(format!("{}: {wrong}, chmod o-r ends that", key.path()));
            }
            None => {}
        }
    }

    pub(super) fn is_set(&self, key: &Key) -> bool {
        self.values.get(key).is_some()
    }

    /// Whether the value is not a default.
    fn is_chosen(&self, key: &Key) -> bool {
        self.values
            .get(key)
            .is_some_and(|value| !matches!(value.source, ValueSource::Default | ValueSource::Dev))
    }

    /// Gives a key that is not set a default that is computed at start.
    pub(super) fn set_default(&mut self, key: &Key, text: impl Into<OsString>) {
        if !self.is_set(key) {
            self.values.set(key, text, ValueSource::Default);
        }
    }

    pub(super) fn report(&mut self, key: &Key, wrong: impl Into<String>, fix: impl Into<String>) {
        self.problems.push(ConfigProblem {
            key: key.path(),
            source: self
                .values
                .get(key)
                .map_or_else(|| "default".to_owned(), |value| value.source.to_string()),
            wrong: wrong.into(),
            fix: fix.into(),
        });
    }

    /// Reports a fault of several keys together: at the first whose value is not a default, else at
    /// the first.
    pub(super) fn report_chosen<const N: usize>(
        &mut self,
        keys: [&Key; N],
        wrong: impl Into<String>,
        fix: impl Into<String>,
    ) {
        let chosen = keys.into_iter().find(|key| self.is_chosen(key));
        if let Some(key) = chosen.or(keys.first().copied()) {
            self.report(key, wrong, fix);
        }
    }

    /// Whether a key is unset or the other that it needs is set; reports a fault otherwise.
    pub(super) fn require(&mut self, key: &Key, needed: &Key) -> bool {
        let complete = self.is_set(needed) || !self.is_set(key);
        if !complete {
            let needed = needed.path();
            self.report(
                key,
                format!("is set and {needed} is not"),
                format!("set {needed}, or unset this"),
            );
        }
        complete
    }

    pub(super) fn warn(&mut self, warning: impl Into<String>) {
        self.warnings.push(warning.into());
    }

    /// The value that was read, if there was no fault in any key.
    pub(super) fn finish<T>(self, read: Option<T>) -> Result<(T, Self), ConfigProblems> {
        match read {
            Some(read) if self.problems.is_empty() => Ok((read, self)),
            Some(_) | None => Err(ConfigProblems(self.problems)),
        }
    }
}

/// The text of a value, from its file if it is in one. No fault quotes it.
fn read_text(key: &Key, value: &RawValue) -> Result<String, ConfigFault> {
    let text = if value.in_file {
        let mut text = fs::read_to_string(&value.text).map_err(|error| {
            ConfigFault::new(
                format!(
                    "the file {} cannot be read: {error}",
                    value.text.to_string_lossy()
                ),
                "name a text file that this user may read",
            )
        })?;
        // Editors and `echo` end a file with a newline that is not part of the secret.
        if text.ends_with('\n') {
            text.pop();
            if text.ends_with('\r') {
                text.pop();
            }
        }
        text
    } else {
        value
            .text
            .to_str()
            .ok_or_else(|| ConfigFault::new("is not UTF-8", "write it as UTF-8"))?
            .to_owned()
    };
    if key.secret && text.is_empty() {
        return Err(ConfigFault::new("is empty", "give it a value or unset it"));
    }
    Ok(text)
}
