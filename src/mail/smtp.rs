//! The way to a mail server (RFC 5321), encrypted and proven unless the server is on this machine.

use std::{fmt, net::IpAddr, time::Duration};

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Tokio1Executor,
    transport::smtp::{
        self,
        authentication::Credentials,
        client::{self, Certificate, CertificateStore, TlsParameters},
        extension::ClientId,
    },
};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use tokio::time::timeout;

use super::{LinkBase, MailContent, MailError, Sender, message::build_message};
use crate::domain::{Email, Timestamp};

/// How long the connection may take to be made: the limit that lettre has goes no further.
const CONNECT_LIMIT: Duration = Duration::from_secs(15);
/// How long a mail may take altogether. Past it the dialogue and its connection are given up.
const MAIL_LIMIT: Duration = Duration::from_mins(1);

/// A mail server, and what mails need besides.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    /// Where it listens.
    pub server: MailServer,
    /// How the connection is protected.
    pub tls: SmtpTls,
    /// Who may prove the server; `None`: the public authorities.
    pub authority: Option<SmtpAuthority>,
    /// What it wants to know before it takes mail.
    pub login: Option<SmtpLogin>,
    /// Whom mails come from.
    pub from: Sender,
    /// Where links lead to.
    pub links: LinkBase,
}

/// Where a mail server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailServer {
    /// A name or an IP address; certificates are checked against it.
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// How the connection to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpTls {
    /// TLS from the first byte (RFC 8314).
    Implicit,
    /// In plaintext until STARTTLS (RFC 3207), without which nothing is sent.
    Starttls,
    /// Not at all: on this machine alone.
    None,
}

/// A user of a mail server.
#[derive(Debug, Clone)]
pub struct SmtpLogin {
    /// The name.
    pub username: String,
    /// The password.
    pub password: SecretString,
}

/// The certificate authorities of a PEM file.
#[derive(Clone)]
pub struct SmtpAuthority(Certificate);

/// The text holds no certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("holds no certificate in PEM")]
pub struct SmtpAuthorityFault;

impl SmtpAuthority {
    /// Reads one or more certificates.
    ///
    /// # Errors
    /// There is none, or one that cannot be read.
    pub fn parse(pem: &[u8]) -> Result<Self, SmtpAuthorityFault> {
        let begins = b"-----BEGIN CERTIFICATE-----";
        if !pem.windows(begins.len()).any(|window| window == begins) {
            return Err(SmtpAuthorityFault);
        }
        let certificate = Certificate::from_pem(pem).map_err(|_| SmtpAuthorityFault)?;
        // What is no certificate inside is found only when it is to be trusted.
        tls_parameters("localhost", Some(&Self(certificate.clone())))
            .map_err(|_| SmtpAuthorityFault)?;
        Ok(Self(certificate))
    }
}

impl fmt::Debug for SmtpAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SmtpAuthority(…)")
    }
}

impl MailServer {
    /// Whether what is sent to it stays on this machine.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost"
            || self
                .host
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }
}

/// The way to a mail server, with a connection of its own for each mail: on one that is kept, what the
/// server says late to a mail that was given up would be taken for its answer to the next.
#[derive(Clone)]
pub(super) struct SmtpTransport {
    server: AsyncSmtpTransport<Tokio1Executor>,
    from: Sender,
    links: LinkBase,
}

impl SmtpTransport {
    pub(super) fn new(smtp: SmtpSettings) -> Result<Self, smtp::Error> {
        let SmtpSettings {
            server,
            tls,
            authority,
            login,
            from,
            links,
        } = smtp;
        let trust = || tls_parameters(&server.host, authority.as_ref());
        let tls = match tls {
            SmtpTls::Implicit => client::Tls::Wrapper(trust()?),
            SmtpTls::Starttls => client::Tls::Required(trust()?),
            SmtpTls::None => client::Tls::None,
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host)
            .port(server.port)
            .tls(tls)
            .timeout(Some(CONNECT_LIMIT))
            .hello_name(ClientId::Domain(from.domain().to_owned()));
        if let Some(SmtpLogin { username, password }) = login {
            let password = password.expose_secret().to_owned();
            builder = builder.credentials(Credentials::new(username, password));
        }
        Ok(Self {
            server: builder.build(),
            from,
            links,
        })
    }

    pub(super) async fn send(
        &self,
        to: &Email,
        content: &MailContent<'_>,
        now: Timestamp,
    ) -> Result<(), MailError> {
        let message = build_message(&self.from, to, content, &self.links, now)?;
        match timeout(MAIL_LIMIT, self.server.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(classify_error(&error)),
            Err(_) => Err(MailError::Failed("no answer in time".to_owned())),
        }
    }
}

fn tls_parameters(
    host: &str,
    authority: Option<&SmtpAuthority>,
) -> Result<TlsParameters, smtp::Error> {
    let builder = TlsParameters::builder(host.to_owned());
    match authority {
        Some(SmtpAuthority(certificate)) => builder
            .certificate_store(CertificateStore::None)
            .add_root_certificate(certificate.clone()),
        None => builder.certificate_store(CertificateStore::WebpkiRoots),
    }
    .build()
}

/// What may be told of a failure. An answer's text may quote the address: its code has to do.
fn classify_error(error: &smtp::Error) -> MailError {
    match error.status() {
        Some(code) => {
            let about_this_mail = code.category == smtp::response::Category::MailSystem;
            let answer = format!("the server answered {code}");
            if error.is_permanent() && about_this_mail {
                MailError::Refused(answer)
            } else {
                MailError::Failed(answer)
            }
        }
        None if error.is_response() => MailError::Failed("the server spoke no SMTP".to_owned()),
        None => MailError::Failed(error.to_string()),
    }
}
