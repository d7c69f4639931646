//! What addresses begin with, as lists are searched: a range of keys, since an index finds ranges.

use std::fmt;

use thiserror::Error;

use super::ADDRESS_MAX;

/// What the canonical form of an address begins with. Its `Debug` tells nothing: addresses are never
/// logged.
#[derive(Clone, PartialEq, Eq)]
pub struct EmailPrefix(String);

/// No address begins so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be what an address begins with: ASCII without spaces, at most 254 bytes")]
pub struct EmailPrefixFault;

impl EmailPrefix {
    /// Reads a beginning, in any case. A domain that is not ASCII begins as its `xn--` form does.
    ///
    /// # Errors
    /// The text is empty or too long, or has a character that no canonical form has.
    pub fn parse(text: &str) -> Result<Self, EmailPrefixFault> {
        let fits = (1..=ADDRESS_MAX).contains(&text.len());
        if !fits || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(EmailPrefixFault);
        }
        Ok(Self(text.to_ascii_lowercase()))
    }

    /// The first key that could begin so.
    pub fn first(&self) -> &str {
        &self.0
    }

    /// The first key behind all that begin so, in the order of bytes.
    pub fn end(&self) -> String {
        let mut end = self.0.clone();
        // Never the last ASCII character: that is no graphic one.
        if let Some(last) = end.pop() {
            end.push(char::from(last as u8 + 1));
        }
        end
    }
}

impl fmt::Debug for EmailPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailPrefix(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_holds_what_begins_so_and_nothing_else() {
        for prefix in ["A", "ada@", "ada@example.com", "a~", "z"] {
            let prefix = EmailPrefix::parse(prefix).unwrap();
            let (first, end) = (prefix.first().to_owned(), prefix.end());
            let holds = |key: &str| first.as_str() <= key && key < end.as_str();
            for rest in ["", "a", "~~~~", "@example.com"] {
                assert!(holds(&format!("{first}{rest}")), "{first} {rest}");
            }
            let shorter = &first[..first.len() - 1];
            for other in [shorter, &format!("{shorter}!"), &end] {
                assert!(!holds(other), "{first} {other}");
            }
        }
    }

    #[test]
    fn what_no_address_begins_with_is_refused() {
        for bad in ["", " a", "a b", "ä", "a\u{7F}", "a\n", &"a".repeat(255)] {
            assert_eq!(EmailPrefix::parse(bad), Err(EmailPrefixFault), "{bad:?}");
        }
        assert!(EmailPrefix::parse(&"a".repeat(254)).is_ok());
        let printed = format!("{:?}", EmailPrefix::parse("canary").unwrap());
        assert!(!printed.contains("canary"));
    }
}
