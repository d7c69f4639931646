//! E-mail addresses: which are accepted, and the one key by which registration, login and every
//! limit know an address.

mod prefix;

use std::borrow::Cow;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use thiserror::Error;

use super::opaque_debug;
pub use prefix::{EmailPrefix, EmailPrefixFault};

/// RFC 5321 §4.5.3.1.3 allows a path of 256 octets, its angle brackets included.
const ADDRESS_MAX: usize = 254;
/// RFC 5321 §4.5.3.1.1.
const LOCAL_PART_MAX: usize = 64;

/// An address that mail can be sent to. `Debug` does not print it: addresses are never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Email {
    given: String,
    key: EmailKey,
}

/// The canonical form of an address. Two addresses are the same account when their keys are equal.
/// `Debug` does not print it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EmailKey(String);

/// The text is not an address that Vestibule accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be an e-mail address of at most 254 bytes, such as ada@example.com")]
pub struct EmailFault;

impl Email {
    /// The most bytes of an address.
    pub const MAX_LENGTH: usize = ADDRESS_MAX;

    /// Parses an ASCII dot-atom (RFC 5322 §3.2.3) of 1 to 64 bytes, `@`, and a domain of at least
    /// two labels by UTS 46 (strict). Nothing is trimmed. Quoted strings, comments, address
    /// literals and non-ASCII local parts are refused, so that no local part has look-alikes.
    ///
    /// # Errors
    /// The text has another form, or is longer than 254 bytes as given or in canonical form.
    pub fn parse(text: &str) -> Result<Self, EmailFault> {
        if text.len() > ADDRESS_MAX {
            return Err(EmailFault);
        }
        let (local, domain) = text.split_once('@').ok_or(EmailFault)?;
        if !is_dot_atom(local) {
            return Err(EmailFault);
        }
        let key = format!(
            "{}@{}",
            local.to_ascii_lowercase(),
            canonical_domain(domain)?
        );
        if key.len() > ADDRESS_MAX {
            return Err(EmailFault);
        }
        Ok(Self {
            given: format!("{local}@{}", visible_domain(domain)),
            key: EmailKey(key),
        })
    }

    /// The address as typed, but a domain that is not ASCII in its canonical Unicode form, so that no
    /// character of it is invisible.
    pub fn as_given(&self) -> &str {
        &self.given
    }

    pub fn key(&self) -> &EmailKey {
        &self.key
    }

    /// The local part as typed, since its case may matter to its mail server, and the domain in
    /// ASCII, which every mail server accepts.
    pub fn mailable(&self) -> (&str, &str) {
        let (local, domain) = self.key.0.split_once('@').unwrap_or_default();
        (&self.given[..local.len()], domain)
    }
}

impl EmailKey {
    /// A key as stored.
    pub fn from_stored(key: String) -> Self {
        Self(key)
    }

    /// The text of the key.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the `@`.
    pub fn local_part(&self) -> &str {
        self.0.split('@').next().unwrap_or_default()
    }
}

opaque_debug!(Email, EmailKey);

fn is_dot_atom(local: &str) -> bool {
    let is_atext = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
    local.len() <= LOCAL_PART_MAX
        && local
            .split('.')
            .all(|atom| !atom.is_empty() && atom.bytes().all(is_atext))
}

/// UTS 46 ignores soft hyphens, zero-width spaces and the like; what it makes of the domain has none.
fn visible_domain(domain: &str) -> Cow<'_, str> {
    if domain.is_ascii() {
        return Cow::Borrowed(domain);
    }
    let deny = AsciiDenyList::STD3;
    let (unicode, _valid) = Uts46::new().to_unicode(domain.as_bytes(), deny, Hyphens::Check);
    unicode
}

fn canonical_domain(domain: &str) -> Result<String, EmailFault> {
    let ascii = Uts46::new()
        .to_ascii(
            domain.as_bytes(),
            AsciiDenyList::STD3,
            Hyphens::Check,
            DnsLength::Verify,
        )
        .map_err(|_| EmailFault)?;
    // A domain with a numeric last label would be read as an IPv4 address.
    match ascii.rsplit_once('.') {
        Some((_, last)) if !last.bytes().all(|b| b.is_ascii_digit()) => Ok(ascii.into_owned()),
        _ => Err(EmailFault),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(text: &str) -> Option<String> {
        Email::parse(text)
            .ok()
            .map(|email| email.key().as_str().to_owned())
    }

    #[test]
    fn case_and_idna_spellings_share_a_key() {
        assert_eq!(key("Ada@Example.COM").as_deref(), Some("ada@example.com"));
        assert_eq!(
            key("ada@BÜCHER.example").as_deref(),
            Some("ada@xn--bcher-kva.example")
        );
        assert_eq!(
            key("ada@xn--bcher-kva.example").as_deref(),
            Some("ada@xn--bcher-kva.example")
        );
        assert_eq!(
            key("ada@bu\u{308}cher.example").as_deref(),
            Some("ada@xn--bcher-kva.example")
        );
        assert_eq!(key("ada@ｅxample。com").as_deref(), Some("ada@example.com"));
        assert_ne!(
            key("ada@pаypal.example"),
            key("ada@paypal.example"),
            "another script is another domain"
        );
    }

    #[test]
    fn plus_tags_and_dots_stay() {
        assert_eq!(
            key("a.d.a+x@example.com").as_deref(),
            Some("a.d.a+x@example.com")
        );
    }

    #[test]
    fn other_forms_are_refused() {
        let long_local = format!("{}@example.com", "a".repeat(65));
        let long = format!("a@{}.com", "a.".repeat(126));
        for bad in [
            "",
            "@",
            "ada",
            "ada@",
            "@example.com",
            "ada@localhost",
            "ada@@example.com",
            "a@b@example.com",
            " ada@example.com",
            "ada@example.com ",
            "ada@example.com.",
            "ada@.example.com",
            "ada@exa mple.com",
            ".ada@example.com",
            "ada.@example.com",
            "a..da@example.com",
            "\"ada\"@example.com",
            "ada(x)@example.com",
            "ada@[192.0.2.1]",
            "ada@192.0.2.1",
            "ada@example.123",
            "аda@example.com",
            "ada\0@example.com",
            "ada@exam_ple.com",
            "ada@-example.com",
            "ada@example.com\r\nbcc: x@example.com",
            &long_local,
            &long,
        ] {
            assert_eq!(key(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn no_invisible_character_survives() {
        for (typed, given) in [
            ("Ada@Example.COM", "Ada@Example.COM"),
            ("ada@exam\u{AD}ple.com", "ada@example.com"),
            ("ada@exam\u{200B}ple.com", "ada@example.com"),
            ("ada@\u{FEFF}example.com", "ada@example.com"),
            ("ada@exa\u{2060}mple\u{FE0F}.com", "ada@example.com"),
            ("ada@BÜ\u{AD}CHER.example", "ada@bücher.example"),
            ("ada@bu\u{308}cher.example", "ada@bücher.example"),
        ] {
            assert_eq!(Email::parse(typed).unwrap().as_given(), given);
        }
    }

    #[test]
    fn debug_prints_no_address() {
        let email = Email::parse("ada@example.com").unwrap();
        assert!(!format!("{email:?} {:?}", email.key()).contains("ada"));
    }

    proptest! {
        /// A parsed key has itself as its key, so that no two rows are one account.
        #[test]
        fn a_key_is_its_own_key(text in "[a-zA-Z0-9.+_-]{1,20}@[a-zA-Zäöüßéñ0-9-]{1,12}\\.[a-zA-Z]{2,6}") {
            if let Some(first) = key(&text) {
                prop_assert_eq!(key(&first), Some(first.clone()));
                prop_assert!(first.is_ascii() && first.len() <= 254);
                prop_assert_eq!(key(&text.to_ascii_uppercase()), Some(first));
            }
        }

        /// What is kept leads to the same account, and is kept as it is.
        #[test]
        fn what_is_kept_parses_as_what_was_typed(
            text in "[a-zA-Z0-9.+_-]{1,20}@[a-zA-Zäöüßéñ\u{AD}\u{200B}\u{200D}\u{FEFF}0-9-]{1,12}\\.[a-zA-Z]{2,6}"
        ) {
            if let Ok(email) = Email::parse(&text) {
                let again = Email::parse(email.as_given());
                prop_assert_eq!(again, Ok(email));
            }
        }

        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = Email::parse(&text);
        }
    }
}
