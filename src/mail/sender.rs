//! The sender of mails, and addresses in the form that SMTP takes.

use lettre::{Address, message::Mailbox};
use thiserror::Error;

use crate::domain::Email;

/// The `From` mailbox of mails: an address, with or without a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender(Mailbox);

/// The text is not a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("is neither an address nor a name and an address in angle brackets")]
pub struct SenderFault;

impl Sender {
    /// Parses `accounts@example.com` or `Example <accounts@example.com>`.
    ///
    /// # Errors
    /// The text is neither, or the name has control characters, quotes, brackets or backslashes.
    pub fn parse(text: &str) -> Result<Self, SenderFault> {
        let (name, address) = match text.strip_suffix('>') {
            Some(text) => {
                let (name, address) = text.rsplit_once('<').ok_or(SenderFault)?;
                (Some(name.trim()), address)
            }
            None => (None, text),
        };
        let name = name.map(|name| name.trim_matches('"')).unwrap_or_default();
        // A name with such characters is a mistyped mailbox rather than a name to be quoted.
        if name.contains(|c: char| c.is_control() || "<>\"\\".contains(c)) {
            return Err(SenderFault);
        }
        let email = Email::parse(address).map_err(|_| SenderFault)?;
        Ok(Self(Mailbox::new(
            (!name.is_empty()).then(|| name.to_owned()),
            smtp_address(&email).ok_or(SenderFault)?,
        )))
    }

    pub(super) fn mailbox(&self) -> &Mailbox {
        &self.0
    }

    pub(super) fn domain(&self) -> &str {
        self.0.email.domain()
    }
}

/// `None`: SMTP cannot express the address.
pub(super) fn smtp_address(email: &Email) -> Option<Address> {
    let (local, domain) = email.mailable();
    Address::new(local, domain).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> Option<String> {
        Sender::parse(text).ok().map(|sender| sender.0.to_string())
    }

    #[test]
    fn a_sender_is_an_address_with_or_without_a_name() {
        let address = Some("accounts@example.com".to_owned());
        assert_eq!(shown("accounts@example.com"), address);
        assert_eq!(shown("<accounts@example.com>"), address);
        let named = shown("Bücher <accounts@bücher.example>").unwrap();
        assert!(
            named.ends_with("<accounts@xn--bcher-kva.example>"),
            "{named}"
        );
        for bad in [
            "",
            "Example",
            "Example accounts@example.com",
            "Example <accounts@example.com",
            "Example\r\nBcc: x@example.com <accounts@example.com>",
            "a <b> <accounts@example.com>",
            "accounts@example.com, x@example.com",
            "<accounts@example.com\r\nBcc: x@example.com>",
        ] {
            assert_eq!(shown(bad), None, "{bad:?}");
        }
    }

    proptest! {
        /// Every address that can register can be mailed.
        #[test]
        fn each_address_that_is_taken_can_be_mailed(
            local in "[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]{1,30}(\\.[a-z0-9!]{1,8}){0,2}",
            domain in "[a-zA-Zäöüß0-9]{1,30}(-[a-z0-9]{1,9}){0,2}(\\.[a-z0-9]{1,9}){0,3}\\.[a-z]{2,6}",
        ) {
            if let Ok(email) = Email::parse(&format!("{local}@{domain}")) {
                let address = smtp_address(&email).expect("an address");
                prop_assert_eq!(address.user(), local);
                prop_assert!(address.domain().is_ascii());
            }
        }
    }
}
