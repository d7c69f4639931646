//! Prefixes of addresses, by which lists of users are searched. A prefix is a range of keys, which
//! an index finds.

use thiserror::Error;

use super::{super::opaque_debug, ADDRESS_MAX};

/// A prefix of the canonical form of addresses. `Debug` does not print it: addresses are never
/// logged.
#[derive(Clone, PartialEq, Eq)]
pub struct EmailPrefix(String);

/// The text is not the prefix of any address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be what an address begins with: ASCII without spaces, at most 254 bytes")]
pub struct EmailPrefixFault;

impl EmailPrefix {
    /// Parses a prefix in any case. A domain that is not ASCII has the prefixes of its `xn--` form.
    ///
    /// # Errors
    /// The text is empty, longer than 254 bytes, or has a character that no canonical form has.
    pub fn parse(text: &str) -> Result<Self, EmailPrefixFault> {
        let fits = (1..=ADDRESS_MAX).contains(&text.len());
        if !fits || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(EmailPrefixFault);
        }
        Ok(Self(text.to_ascii_lowercase()))
    }

    /// The first key of the range, which is the prefix itself.
    pub fn first(&self) -> &str {
        &self.0
    }

    /// The first key behind the range, in the order of bytes.
    pub fn end(&self) -> String {
        let mut end = self.0.clone();
        // The last byte is a graphic character, so the next one is ASCII too.
        if let Some(last) = end.pop() {
            end.push(char::from(last as u8 + 1));
        }
        end
    }
}

opaque_debug!(EmailPrefix);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_holds_the_keys_with_the_prefix_and_no_others() {
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
    fn a_prefix_that_no_address_has_is_refused() {
        for bad in ["", " a", "a b", "ä", "a\u{7F}", "a\n", &"a".repeat(255)] {
            assert_eq!(EmailPrefix::parse(bad), Err(EmailPrefixFault), "{bad:?}");
        }
        assert!(EmailPrefix::parse(&"a".repeat(254)).is_ok());
        let printed = format!("{:?}", EmailPrefix::parse("canary").unwrap());
        assert!(!printed.contains("canary"));
    }
}
