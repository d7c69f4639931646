//! Named callers: services that may act on users by name.

use std::{fmt, sync::Arc};

/// The most characters of a name.
const NAME_MAX: usize = 64;

/// The name of a caller: 1 to 64 of `[a-z0-9-]`, safe to log. Clones share the text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallerName(Arc<str>);

impl CallerName {
    /// Reads a name.
    pub fn parse(text: &str) -> Option<Self> {
        let is_good = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        let fits = (1..=NAME_MAX).contains(&text.len());
        (fits && text.bytes().all(is_good)).then(|| Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CallerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_lower_case_letters_digits_and_dashes() {
        for good in ["a", "billing-2", &"x".repeat(64)] {
            assert_eq!(CallerName::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "A", "a b", "a_b", "é", "a/b", &"x".repeat(65)] {
            assert_eq!(CallerName::parse(bad), None, "{bad}");
        }
    }
}
