//! The section `mail`.

use std::net::SocketAddr;

use super::{
    Key,
    key::Default::{Described, Value},
    parse,
    problem::Fault,
    reader::Reader,
    smtp,
};
use crate::{
    auth::MailSettings,
    mail::{Delivery, LinkBase, LinkBaseFault, Sender, Smtp},
};

/// `VESTIBULE_MAIL_FROM`, default: none, a mail server needs it.
const FROM: Key = Key::new(
    "mail",
    "from",
    Described("none"),
    "Whom mails come from: accounts@example.com, or with a name before it in <>",
);

/// `VESTIBULE_MAIL_LINK_BASE`, default: none, a mail server needs it.
const LINK_BASE: Key = Key::new(
    "mail",
    "link_base",
    Described("none"),
    "Where the pages /reset, /verify and /confirm are that links lead to: https://…",
)
.with_dev_default("http://localhost:3000");

/// `VESTIBULE_MAIL_RESET_LIFETIME`, default `10m`.
const RESET_LIFETIME: Key = Key::new(
    "mail",
    "reset_lifetime",
    Value("10m"),
    "How long a token that sets a new password can be used: 1m to 24h",
);

/// `VESTIBULE_MAIL_VERIFICATION_LIFETIME`, default `24h`.
const VERIFICATION_LIFETIME: Key = Key::new(
    "mail",
    "verification_lifetime",
    Value("24h"),
    "How long a token that proves an address can be used: 1m to 30d",
);

/// `VESTIBULE_MAIL_QUEUE`, default `1000`.
const QUEUE: Key = Key::new(
    "mail",
    "queue",
    Value("1000"),
    "Most mails that wait to be sent: 1 to 100000",
);

pub(super) const KEYS: &[&Key] = &[
    &FROM,
    &LINK_BASE,
    &RESET_LIFETIME,
    &VERIFICATION_LIFETIME,
    &QUEUE,
];

/// A listener by its key.
pub(super) type Listener = (&'static Key, Option<SocketAddr>);

pub(super) fn settings(reader: &mut Reader<'_>) -> Option<MailSettings> {
    let reset_lifetime = reader.read(&RESET_LIFETIME, parse::duration("1m"..="24h"));
    let verification_lifetime = reader.read(&VERIFICATION_LIFETIME, parse::duration("1m"..="30d"));
    let queue = reader.read(&QUEUE, parse::number(1..=100_000));
    Some(MailSettings {
        reset_lifetime: reset_lifetime?,
        verification_lifetime: verification_lifetime?,
        queue: queue?,
    })
}

/// By the mail server if one is set, else with `--dev` to the terminal, else not at all.
pub(super) fn delivery(
    reader: &mut Reader<'_>,
    dev: bool,
    listeners: &[Listener],
) -> Option<Delivery> {
    let smtp = smtp::read(reader);
    let from = reader.read(&FROM, |text| {
        Sender::parse(text).map_err(|fault| {
            let fix = "write accounts@example.com or Example <accounts@example.com>";
            Fault::new(format!("{} {fault}", parse::quoted(text)), fix)
        })
    });
    let links = reader.read(&LINK_BASE, link_base);
    if reader.is_set(&smtp::SERVER) {
        for key in [&FROM, &LINK_BASE] {
            require(reader, key);
        }
        let smtp = smtp?;
        return Some(Delivery::Smtp(Smtp {
            server: smtp.server,
            tls: smtp.tls,
            authority: smtp.authority,
            login: smtp.login,
            from: from?,
            links: links?,
        }));
    }
    if dev {
        refuse_strangers(reader, listeners);
        return links.map(Delivery::Terminal);
    }
    Some(Delivery::Nowhere)
}

fn require(reader: &mut Reader<'_>, key: &'static Key) {
    if !reader.is_set(key) {
        let fix = format!("set it, or unset {}", smtp::SERVER.path());
        let wrong = format!("is not set, and {} is", smtp::SERVER.path());
        reader.fault(key, Fault::new(wrong, fix));
    }
}

/// Links that are printed open accounts: whoever can ask for them must be on this machine too.
fn refuse_strangers(reader: &mut Reader<'_>, listeners: &[Listener]) {
    for (key, address) in listeners {
        if let Some(address) = address.filter(|address| !address.ip().is_loopback()) {
            reader.fault(
                key,
                Fault::new(
                    format!("{address} is beyond this machine, and with --dev mail is printed"),
                    "listen on loopback, leave --dev out, or set smtp.server",
                ),
            );
        }
    }
}

fn link_base(text: &str) -> Result<LinkBase, Fault> {
    LinkBase::parse(text).map_err(|fault| {
        let fix = match fault {
            LinkBaseFault::NoUrl | LinkBaseFault::Plaintext => {
                "write https:// and the address of your application; http only for loopback"
            }
            LinkBaseFault::Surplus => "write a URL that ends with its path",
        };
        Fault::new(format!("{} {fault}", parse::quoted(text)), fix)
    })
}
