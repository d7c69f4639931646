//! Parses the two facts of a certificate that Vestibule uses: its expiry and its alternative names.

use chrono::DateTime;
use tokio_rustls::rustls::pki_types::CertificateDer;
use x509_cert::{
    Certificate,
    der::Decode,
    ext::pkix::{SubjectAltName, name::GeneralName},
};

use crate::domain::{CertificateIdentity, Timestamp, TrustDomain};

pub(super) struct CertificateFacts {
    /// The first instant at which the certificate is no longer valid.
    pub(super) expires: Timestamp,
    names: Vec<GeneralName>,
}

/// `None`: not a certificate, or one with a date or extension that cannot be represented.
pub(super) fn parse_certificate(certificate: &CertificateDer<'_>) -> Option<CertificateFacts> {
    let certificate = Certificate::from_der(certificate).ok()?;
    let certificate = certificate.tbs_certificate();
    let expires = certificate.validity().not_after.to_unix_duration();
    let names = certificate.get_extension::<SubjectAltName>().ok()?;
    Some(CertificateFacts {
        // The last second is part of the validity (RFC 5280 §4.1.2.5).
        expires: DateTime::from_timestamp(i64::try_from(expires.as_secs()).ok()? + 1, 0)?,
        names: names
            .map(|(_critical, SubjectAltName(names))| names)
            .unwrap_or_default(),
    })
}

impl CertificateFacts {
    /// The identity in the alternative names. The common name is ignored.
    pub(super) fn identity(
        &self,
        trust_domain: Option<&TrustDomain>,
    ) -> Option<CertificateIdentity> {
        let (mut uris, mut dns) = (Vec::new(), Vec::new());
        for name in &self.names {
            match name {
                GeneralName::UniformResourceIdentifier(uri) => uris.push(uri.as_str()),
                GeneralName::DnsName(name) => dns.push(name.as_str()),
                _ => {}
            }
        }
        CertificateIdentity::from_alternative_names(&uris, &dns, trust_domain)
    }
}

#[cfg(test)]
mod tests;
