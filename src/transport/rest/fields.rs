//! The fields of a request's body, whatever its media type.

use std::collections::BTreeMap;

use zeroize::Zeroize;

use crate::transport::input::Text;

/// The fields of a body, each name once; `None` is a value that is no text. Values may be
/// passwords, so there is no `Debug`, and they are wiped.
#[derive(Default)]
pub(super) struct Fields(BTreeMap<String, Option<String>>);

impl Fields {
    /// Adds a field; `None`: the name is there already.
    pub(super) fn add(&mut self, name: String, value: Option<String>) -> Option<()> {
        self.0.insert(name, value).is_none().then_some(())
    }

    /// The text of a field; empty if it was not sent.
    pub(super) fn text(&self, name: &str) -> Text<'_> {
        self.0.get(name).map_or(Some(""), Option::as_deref)
    }

    /// The names besides the known ones.
    pub(super) fn unknown(&self, known: &[&str]) -> Vec<&str> {
        let names = self.0.keys().map(String::as_str);
        names.filter(|name| !known.contains(name)).collect()
    }
}

impl Drop for Fields {
    fn drop(&mut self) {
        self.0.values_mut().for_each(Zeroize::zeroize);
    }
}
