//! The section `smtp`.

use std::{fs, net::IpAddr};

use secrecy::SecretString;

use super::{
    Key,
    key::KeyDefault::{Described, Value},
    parse,
    problem::ConfigFault,
    reader::Reader,
};
use crate::mail::{LinkBase, MailServer, Sender, SmtpAuthority, SmtpLogin, SmtpSettings, SmtpTls};

/// `VESTIBULE_SMTP_SERVER`, default: none, no mail is sent.
pub(super) const SERVER: Key = Key::new(
    "smtp",
    "server",
    Described("none"),
    "Mail server as host or host:port",
);

/// `VESTIBULE_SMTP_TLS`, default `implicit`.
const TLS: Key = Key::new(
    "smtp",
    "tls",
    Value("implicit"),
    "implicit (465), starttls (587), or none (25), which only a server on this machine may have",
);

/// `VESTIBULE_SMTP_CA`, default: the public authorities.
const CA: Key = Key::new(
    "smtp",
    "ca",
    Described("the public authorities"),
    "PEM file with the certificate authorities that may prove the mail server",
);

/// `VESTIBULE_SMTP_USERNAME`, default: none.
const USERNAME: Key = Key::new(
    "smtp",
    "username",
    Described("none"),
    "User of the mail server",
);

/// `VESTIBULE_SMTP_PASSWORD`, default: none.
const PASSWORD: Key = Key::new("smtp", "password", Described("none"), "Their password").secret();

pub(super) const KEYS: &[&Key] = &[&SERVER, &TLS, &CA, &USERNAME, &PASSWORD];

/// `None`: a key is faulty, or [`SERVER`] is not set.
pub(super) fn read_section(
    reader: &mut Reader<'_>,
    from: Option<Sender>,
    links: Option<LinkBase>,
) -> Option<SmtpSettings> {
    let tls = reader.read(
        &TLS,
        parse::word(&[
            ("implicit", SmtpTls::Implicit),
            ("starttls", SmtpTls::Starttls),
            ("none", SmtpTls::None),
        ]),
    );
    let authority = reader.read(&CA, read_authority);
    let username = reader.read(&USERNAME, |text| Ok(text.to_owned()));
    let password = reader.read(&PASSWORD, |text| Ok(SecretString::from(text)));
    if !reader.is_set(&SERVER) {
        for key in [&CA, &USERNAME, &PASSWORD] {
            reader.require(key, &SERVER);
        }
        return None;
    }
    let server = reader.read(&SERVER, |text| parse_server(text, tls))?;
    reader.require(&USERNAME, &PASSWORD);
    reader.require(&PASSWORD, &USERNAME);
    Some(SmtpSettings {
        server,
        tls: tls?,
        authority,
        login: username
            .zip(password)
            .map(|(username, password)| SmtpLogin { username, password }),
        from: from?,
        links: links?,
    })
}

fn parse_server(text: &str, tls: Option<SmtpTls>) -> Result<MailServer, ConfigFault> {
    let port = match tls {
        Some(SmtpTls::Implicit) | None => 465,
        Some(SmtpTls::Starttls) => 587,
        Some(SmtpTls::None) => 25,
    };
    let server = parse_host_port(text, port).ok_or_else(|| {
        ConfigFault::new(
            format!("{} is neither host nor host:port", parse::quoted(text)),
            "write one such as smtp.example.com or [2001:db8::1]:465",
        )
    })?;
    if tls == Some(SmtpTls::None) && !server.is_loopback() {
        return Err(ConfigFault::new(
            "is beyond this machine while smtp.tls is none",
            "set smtp.tls to implicit or starttls",
        ));
    }
    Ok(server)
}

fn parse_host_port(text: &str, default_port: u16) -> Option<MailServer> {
    let (host, port) = match text.strip_prefix('[') {
        Some(text) => {
            let (host, rest) = text.split_once(']')?;
            host.parse::<IpAddr>().ok()?;
            (host, (!rest.is_empty()).then_some(rest))
        }
        None => match text.find(':') {
            Some(at) => (&text[..at], Some(&text[at..])),
            None => (text, None),
        },
    };
    let port = match port {
        Some(port) => port
            .strip_prefix(':')?
            .parse()
            .ok()
            .filter(|port| *port > 0)?,
        None => default_port,
    };
    let in_name = |c: char| c.is_ascii_alphanumeric() || "-.:".contains(c);
    (!host.is_empty() && host.chars().all(in_name)).then(|| MailServer {
        host: host.to_owned(),
        port,
    })
}

fn read_authority(path: &str) -> Result<SmtpAuthority, ConfigFault> {
    let fix = "name a PEM file with certificates that this user may read";
    let pem = fs::read(path)
        .map_err(|error| ConfigFault::new(format!("{path} cannot be read: {error}"), fix))?;
    SmtpAuthority::parse(&pem).map_err(|fault| ConfigFault::new(format!("{path} {fault}"), fix))
}
