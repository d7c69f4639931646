//! Mail: what it says, and the way it takes.
//!
//! A mail holds nothing that whoever asked for it chose: headers come from typed mailboxes and
//! constants, texts from templates, and their values from the configuration and the token.

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
    /// By a mail server.
    Smtp(SmtpSettings),
    /// To the terminal: for a try on one's own machine.
    Terminal(LinkBase),
    /// Not at all: callers have mailers of their own.
    Nowhere,
}

/// Delivers mail.
#[derive(Clone)]
pub struct Mailer(MailTransport);

#[derive(Clone)]
enum MailTransport {
    Smtp(Box<SmtpTransport>),
    Terminal(LinkBase),
    Nowhere,
}

/// Why a mail was not delivered. It never quotes the server, whose answers name addresses.
#[derive(Debug, Error)]
pub enum MailError {
    /// The server will not take mail for this address, or not this mail: another try is in vain.
    #[error("the mail server refused it for good: {0}")]
    Refused(String),
    /// Another try may succeed.
    #[error("{0}")]
    Failed(String),
}

/// The mailer cannot start.
#[derive(Debug, Error)]
#[error("TLS cannot be set up")]
pub struct MailStartError(#[source] lettre::transport::smtp::Error);

impl Mailer {
    /// Prepares the way; connections are made when there is something to send. Inside tokio's
    /// runtime.
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

    /// Whether a mail would go anywhere: a token that nobody gets need not be made.
    pub fn delivers(&self) -> bool {
        match self.0 {
            MailTransport::Smtp(_) | MailTransport::Terminal(_) => true,
            MailTransport::Nowhere => false,
        }
    }

    /// Delivers a mail. That the server took it is all that can be known.
    ///
    /// # Errors
    /// It was not delivered.
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

/// Not as a line of the log, which may be kept somewhere.
fn print_mail(content: &MailContent<'_>, links: &LinkBase) {
    if let Ok(text) = content.text(links) {
        // A terminal that has gone is no failure.
        let _ = writeln!(
            io::stderr().lock(),
            "\n---- development only: with smtp.server set, this would be a mail ----\n{}\n\n{}\n----\n",
            content.subject(),
            text.trim_end(),
        );
    }
}
