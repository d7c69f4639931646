//! The section `callers`.

use super::{Key, key::Default::Described, parse, problem::Fault, reader::Reader, tls};
use crate::domain::TrustDomain;

/// `VESTIBULE_CALLERS_TRUST_DOMAIN`, default: none.
const TRUST_DOMAIN: Key = Key::new(
    "callers",
    "trust_domain",
    Described("none"),
    "SPIFFE trust domain of client certificates, such as example.org",
);

pub(super) const KEYS: &[&Key] = &[&TRUST_DOMAIN];

pub(super) struct Callers {
    /// `None`: no SPIFFE ID is believed.
    pub(super) trust_domain: Option<TrustDomain>,
}

pub(super) fn read(reader: &mut Reader<'_>) -> Option<Callers> {
    let trust_domain = reader.read(&TRUST_DOMAIN, |text| {
        TrustDomain::parse(text).map_err(|_| {
            Fault::new(
                format!("{} is no trust domain", parse::quoted(text)),
                "write 1 to 255 of a-z, 0-9, dot, hyphen and underscore, without spiffe://",
            )
        })
    });
    if trust_domain.is_some() && !tls::asks_clients(reader) {
        reader.warnings.push(
            "callers.trust_domain is not used: without tls.client_ca no client shows a certificate"
                .to_owned(),
        );
    }
    let faulty = trust_domain.is_none() && reader.is_set(&TRUST_DOMAIN);
    (!faulty).then_some(Callers { trust_domain })
}
