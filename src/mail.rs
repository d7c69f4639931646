//! Mail: its text and its delivery.
//!
//! A mail holds nothing that its requester chose: headers come from typed mailboxes and constants,
//! texts from templates, and their values from the configuration and the token.

mod link;
mod message;
mod sender;
mod smtp;
mod template;
mod text;

use std::io::{self, Write as _};

use thiserror::Error;

pub use link::{LinkBase, LinkBaseFault};
pub use sender::{Sender, SenderFault};
pub use smtp::{MailServer, SmtpAuthority, SmtpAuthorityFault, SmtpLogin, SmtpSettings, SmtpTls};
pub use template::MailContent;

use crate::domain::{Email, Timestamp};
use smtp::SmtpTransport;

/// How mail is delivered.
#[derive(Debug, Clone)]
pub enum Delivery {
    /// Sent to a mail server.
    Smtp(SmtpSettings),
    /// Printed to the terminal, for development.
    Terminal(LinkBase),
    /// Not delivered: callers send mail themselves.
    Nowhere,
}

/// Delivers mail; clones share the transport.
#[derive(Clone)]
pub struct Mailer(MailTransport);

#[derive(Clone)]
enum MailTransport {
    Smtp(Box<SmtpTransport>),
    Terminal(LinkBase),
    Nowhere,
}

/// Why a mail was not delivered. The text never quotes the server, whose answers name addresses.
#[derive(Debug, Error)]
pub enum MailError {
    /// The server refuses this address or this mail for good: retrying is pointless.
    #[error("the mail server refused it for good: {0}")]
    Refused(String),
    /// A later try may succeed.
    #[error("{0}")]
    Failed(String),
}

/// The mailer cannot start.
#[derive(Debug, Error)]
#[error("TLS cannot be set up")]
pub struct MailStartError(#[source] lettre::transport::smtp::Error);

impl Mailer {
    /// Prepares delivery inside tokio's runtime. Each mail makes its own connection.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn start(delivery: Delivery) -> Result<Self, MailStartError> {
        Ok(Self(match delivery {
            Delivery::Smtp(smtp) => {
                MailTransport::Smtp(Box::new(SmtpTransport::new(smtp).map_err(MailStartError)?))
            }
            Delivery::Terminal(links) => MailTransport::Terminal(links),
            Delivery::Nowhere => MailTransport::Nowhere,
        }))
    }

    /// Whether mail is delivered at all. Without delivery no token is made.
    pub fn delivers(&self) -> bool {
        match self.0 {
            MailTransport::Smtp(_) | MailTransport::Terminal(_) => true,
            MailTransport::Nowhere => false,
        }
    }

    /// Delivers a mail. `Ok` means that the server accepted it, not that it arrived.
    pub async fn deliver(
        &self,
        to: &Email,
        content: &MailContent<'_>,
        now: Timestamp,
    ) -> Result<(), MailError> {
        match &self.0 {
            MailTransport::Smtp(transport) => transport.send(to, content, now).await,
            MailTransport::Terminal(links) => {
                print_mail(content, links);
                Ok(())
            }
            MailTransport::Nowhere => Ok(()),
        }
    }
}

/// Prints to the terminal instead of the log, which may be stored: the mail holds a token.
fn print_mail(content: &MailContent<'_>, links: &LinkBase) {
    if let Ok(text) = content.text(links) {
        // A closed terminal is no failure.
        let _ = writeln!(
            io::stderr().lock(),
            "\n---- development only: with smtp.server set, this would be a mail ----\n{}\n\n{}\n----\n",
            content.subject(),
            text.trim_end(),
        );
    }
}
