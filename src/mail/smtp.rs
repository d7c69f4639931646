//! Sends mail to a mail server (RFC 5321), over TLS with a verified certificate unless the server is on
//! this machine.

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

/// How long connecting may take; lettre's own limit covers only this step.
const CONNECT_LIMIT: Duration = Duration::from_secs(15);
/// How long a mail may take altogether, before its connection is dropped.
const MAIL_LIMIT: Duration = Duration::from_mins(1);

/// The mail server, the sender and the links of mails.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    /// The address of the server.
    pub server: MailServer,
    /// How the connection is encrypted.
    pub tls: SmtpTls,
    /// The authority that the server's certificate is verified against; `None`: the public authorities.
    pub authority: Option<SmtpAuthority>,
    /// The credentials at the server; `None`: it asks for none.
    pub login: Option<SmtpLogin>,
    /// The `From` mailbox.
    pub from: Sender,
    /// The base of links.
    pub links: LinkBase,
}

/// The address of a mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailServer {
    /// A name or an IP address, which the certificate must have.
    pub host: String,
    pub port: u16,
}

/// How the connection to a mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpTls {
    /// TLS from the first byte (RFC 8314).
    Implicit,
    /// TLS after STARTTLS (RFC 3207); without it nothing is sent.
    Starttls,
    /// Plaintext, for a server on this machine only.
    None,
}

/// The credentials of a user at a mail server.
#[derive(Debug, Clone)]
pub struct SmtpLogin {
    pub username: String,
    /// The user's password.
    pub password: SecretString,
}

/// The certificate authorities of a PEM file.
#[derive(Clone)]
pub struct SmtpAuthority(Certificate);

/// The text holds no readable certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("holds no certificate in PEM")]
pub struct SmtpAuthorityFault;

impl SmtpAuthority {
    /// Parses one or more certificates in PEM.
    ///
    /// # Errors
    /// There is none, or one of them cannot be read.
    pub fn parse(pem: &[u8]) -> Result<Self, SmtpAuthorityFault> {
        let begins = b"-----BEGIN CERTIFICATE-----";
        if !pem.windows(begins.len()).any(|window| window == begins) {
            return Err(SmtpAuthorityFault);
        }
        let certificate = Certificate::from_pem(pem).map_err(|_| SmtpAuthorityFault)?;
        // Building the TLS parameters is what parses the content of the certificate.
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
    /// Whether the server is on this machine.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost"
            || self
                .host
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }
}

/// Sends each mail over a connection of its own: on a kept connection, a late answer to a mail that was
/// given up would be taken for the answer to the next mail.
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
        let parameters = || tls_parameters(&server.host, authority.as_ref());
        let tls = match tls {
            SmtpTls::Implicit => client::Tls::Wrapper(parameters()?),
            SmtpTls::Starttls => client::Tls::Required(parameters()?),
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

/// Reduces a failure to what may be logged: the code of an answer, because its text may quote the
/// address.
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
