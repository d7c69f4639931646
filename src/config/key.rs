//! The form of a key: its names, its default and its help.

/// One setting. No section or name is ever `port`, `host` or `service_…`: Kubernetes sets variables
/// of these names for a Service called `vestibule`.
#[derive(Debug, PartialEq, Eq)]
pub struct Key {
    /// A single word, such as `grpc`.
    pub section: &'static str,
    /// Such as `request_timeout`.
    pub name: &'static str,
    /// The value where no source sets the key.
    pub default: KeyDefault,
    /// The default with `--dev`, where it differs.
    pub dev_default: Option<&'static str>,
    /// A secret has no flag, may be in a file (`_FILE`), and is masked when shown.
    pub secret: bool,
    /// One line for `--help`.
    pub help: &'static str,
}

/// The value of a key that no source sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyDefault {
    /// A value, as a source would write it.
    Value(&'static str),
    /// No value, or a value that is computed at start; the text describes it.
    Described(&'static str),
}

impl Key {
    pub(super) const fn new(
        section: &'static str,
        name: &'static str,
        default: KeyDefault,
        help: &'static str,
    ) -> Self {
        Self {
            section,
            name,
            default,
            dev_default: None,
            secret: false,
            help,
        }
    }

    pub(super) const fn with_dev_default(mut self, value: &'static str) -> Self {
        self.dev_default = Some(value);
        self
    }

    pub(super) const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// `grpc.request_timeout`
    pub fn path(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// `VESTIBULE_GRPC_REQUEST_TIMEOUT`
    pub fn variable(&self) -> String {
        format!("VESTIBULE_{}_{}", self.section, self.name).to_uppercase()
    }

    /// `grpc-request-timeout`, on the command line after `--`. `None` for a secret: every user of the
    /// machine can read a command line.
    pub fn flag(&self) -> Option<String> {
        (!self.secret).then(|| format!("{}-{}", self.section, self.name).replace('_', "-"))
    }

    /// The default as `--help` and `config show` print it.
    pub fn default_text(&self) -> &'static str {
        match self.default {
            KeyDefault::Value(text) | KeyDefault::Described(text) => text,
        }
    }
}
