//! The section `mail`.

use std::time::Duration;

use super::{
    Key,
    key::KeyDefault::{Described, Value},
    parse,
    problem::ConfigFault,
    reader::Reader,
};
use crate::{
    auth::{MailSettings, VerificationProof},
    mail::{LinkBase, LinkBaseFault, Sender},
};

/// `VESTIBULE_MAIL_FROM`, default: none, a mail server needs it.
pub(super) const FROM: Key = Key::new(
    "mail",
    "from",
    Described("none"),
    "Whom mails come from: accounts@example.com, or with a name before it in <>",
);

/// `VESTIBULE_MAIL_LINK_BASE`, default: none, a mail server needs it.
pub(super) const LINK_BASE: Key = Key::new(
    "mail",
    "link_base",
    Described("none"),
    "Where the pages /reset, /verify, /confirm and /restore are that links lead to: https://…",
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

/// `VESTIBULE_MAIL_VERIFICATION_PROOF`, default `required`.
const VERIFICATION_PROOF: Key = Key::new(
    "mail",
    "verification_proof",
    Value("required"),
    "Whether VerifyEmail needs a session or the password: required or none, which trusts whoever \
     registered with the address of somebody who clicks the link",
);

const PROOFS: [(&str, VerificationProof); 2] = [
    ("required", VerificationProof::Required),
    ("none", VerificationProof::None),
];

/// Long enough that the work of a mail is not to be told from other work by its time.
const SPREAD: Duration = Duration::from_secs(2);

pub(super) const KEYS: &[&Key] = &[
    &FROM,
    &LINK_BASE,
    &RESET_LIFETIME,
    &VERIFICATION_LIFETIME,
    &QUEUE,
    &VERIFICATION_PROOF,
];

pub(super) fn read_from(reader: &mut Reader<'_>) -> Option<Sender> {
    reader.read(&FROM, |text| {
        Sender::parse(text).map_err(|fault| {
            let fix = "write accounts@example.com or Example <accounts@example.com>";
            ConfigFault::new(format!("{} {fault}", parse::quoted(text)), fix)
        })
    })
}

pub(super) fn read_link_base(reader: &mut Reader<'_>) -> Option<LinkBase> {
    reader.read(&LINK_BASE, |text| {
        LinkBase::parse(text).map_err(|fault| {
            let fix = match fault {
                LinkBaseFault::NoUrl | LinkBaseFault::Plaintext => {
                    "write https:// and the address of your application; http only for loopback"
                }
                LinkBaseFault::Surplus => "write a URL that ends with its path",
            };
            ConfigFault::new(format!("{} {fault}", parse::quoted(text)), fix)
        })
    })
}

pub(super) fn read_settings(reader: &mut Reader<'_>) -> Option<MailSettings> {
    let reset_lifetime = reader.read(&RESET_LIFETIME, parse::duration("1m"..="24h"));
    let verification_lifetime = reader.read(&VERIFICATION_LIFETIME, parse::duration("1m"..="30d"));
    let queue = reader.read(&QUEUE, parse::number(1..=100_000));
    let verification_proof = reader.read(&VERIFICATION_PROOF, parse::word(&PROOFS));
    Some(MailSettings {
        reset_lifetime: reset_lifetime?,
        verification_lifetime: verification_lifetime?,
        queue: queue?,
        verification_proof: verification_proof?,
        spread: SPREAD,
    })
}
