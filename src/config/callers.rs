//! The section `callers`.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{
    Key,
    key::KeyDefault::{Described, Value},
    parse,
    problem::ConfigFault,
    reader::Reader,
};
use crate::{
    domain::TrustDomain,
    transport::{AuthServiceAccess, Proxies},
};

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

/// `VESTIBULE_CALLERS_PROXIES`, default: none.
const PROXIES: Key = Key::new(
    "callers",
    "proxies",
    Described("none"),
    "Networks of proxies whose Forwarded or X-Forwarded-For is believed, such as 10.0.0.0/8,fd00::/8",
);

pub(super) const KEYS: &[&Key] = &[&AUTH_SERVICE, &TRUST_DOMAIN, &PROXIES];

const WORDS: [(&str, AuthServiceAccess); 2] = [
    ("open", AuthServiceAccess::Open),
    ("named", AuthServiceAccess::Named),
];

pub(super) struct CallersSection {
    pub(super) auth_service: AuthServiceAccess,
    /// `None`: no SPIFFE ID is believed.
    pub(super) trust_domain: Option<TrustDomain>,
    pub(super) proxies: Proxies,
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
    let proxies = reader.read(&PROXIES, proxies);
    let faulty = (trust_domain.is_none() && reader.is_set(&TRUST_DOMAIN))
        || (proxies.is_none() && reader.is_set(&PROXIES));
    if faulty {
        return None;
    }
    let proxies = proxies.unwrap_or_default();
    if proxies.trust_loopback() {
        reader.warn(
            "callers.proxies has a loopback network: every process of this machine can claim any source",
        );
    }
    Some(CallersSection {
        auth_service: auth_service?,
        trust_domain,
        proxies,
    })
}

/// Networks, with commas between them.
fn proxies(text: &str) -> Result<Proxies, ConfigFault> {
    let network = |text: &str| {
        let text = text.trim();
        let network = text.parse().or_else(|_| text.parse().map(IpAddr::into));
        network.map_err(|_| {
            ConfigFault::new(
                format!("{} is no network", parse::quoted(text)),
                "write networks such as 10.0.0.0/8 or fd00::/8, with commas between them",
            )
        })
    };
    let networks: Result<Vec<IpNet>, _> = text.split(',').map(network).collect();
    networks.map(Proxies::new)
}
