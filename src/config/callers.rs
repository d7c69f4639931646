//! The section `callers`.

use super::{
    Key,
    key::KeyDefault::{Described, Value},
    parse,
    problem::ConfigFault,
    reader::Reader,
};
use crate::{domain::TrustDomain, transport::AuthServiceAccess};

/// `VESTIBULE_CALLERS_AUTH_SERVICE`, default `open`.
const AUTH_SERVICE: Key = Key::new(
    "callers",
    "auth_service",
    Value("open"),
    "Who may call AuthService, AccountService and REST: open or named",
);

/// `VESTIBULE_CALLERS_TRUST_DOMAIN`, default: none.
pub(super) const TRUST_DOMAIN: Key = Key::new(
    "callers",
    "trust_domain",
    Described("none"),
    "SPIFFE trust domain of client certificates, such as example.org",
);

pub(super) const KEYS: &[&Key] = &[&AUTH_SERVICE, &TRUST_DOMAIN];

const WORDS: [(&str, AuthServiceAccess); 2] = [
    ("open", AuthServiceAccess::Open),
    ("named", AuthServiceAccess::Named),
];

pub(super) struct CallersSection {
    pub(super) auth_service: AuthServiceAccess,
    /// `None`: no SPIFFE ID is believed.
    pub(super) trust_domain: Option<TrustDomain>,
}

pub(super) fn read_section(reader: &mut Reader<'_>) -> Option<CallersSection> {
    let auth_service = reader.read(&AUTH_SERVICE, parse::word(&WORDS));
    let trust_domain = reader.read(&TRUST_DOMAIN, |text| {
        TrustDomain::parse(text).map_err(|_| {
            ConfigFault::new(
                format!("{} is no trust domain", parse::quoted(text)),
                "write 1 to 255 of a-z, 0-9, dot, hyphen and underscore, without spiffe://",
            )
        })
    });
    let faulty = trust_domain.is_none() && reader.is_set(&TRUST_DOMAIN);
    if faulty {
        return None;
    }
    Some(CallersSection {
        auth_service: auth_service?,
        trust_domain,
    })
}
