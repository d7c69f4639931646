//! The identity that a client certificate proves: exactly one alternative name, so that no two
//! readers of a certificate can take it for two callers. Nothing else in the certificate counts.

use std::fmt;

use thiserror::Error;

/// SPIFFE-ID §2.1.
const TRUST_DOMAIN_MAX: usize = 255;
/// SPIFFE-ID §2.3.
const SPIFFE_ID_MAX: usize = 2048;
const SCHEME: &str = "spiffe://";
/// RFC 1035 §2.3.4, without the root's dot.
const DNS_NAME_MAX: usize = 253;
const DNS_LABEL_MAX: usize = 63;

/// The name of a SPIFFE trust domain, such as `example.org`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustDomain(String);

/// The text is not the name of a trust domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be 1 to 255 of a-z, 0-9, dot, hyphen and underscore, such as example.org")]
pub struct TrustDomainFault;

impl TrustDomain {
    /// Parses a name without its scheme.
    ///
    /// # Errors
    /// The text is empty, too long, or has another character.
    pub fn parse(text: &str) -> Result<Self, TrustDomainFault> {
        let is_allowed = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_');
        let is_valid = (1..=TRUST_DOMAIN_MAX).contains(&text.len()) && text.bytes().all(is_allowed);
        is_valid
            .then(|| Self(text.to_owned()))
            .ok_or(TrustDomainFault)
    }
}

/// The name that a certificate proves. It is compared as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CertificateIdentity {
    /// A SPIFFE ID, such as `spiffe://example.org/billing`.
    Spiffe(String),
    /// A host name in lower case and without wildcard, such as `billing.example.org`.
    Dns(String),
}

impl CertificateIdentity {
    /// The name alone. No host name has the form of a SPIFFE ID.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Spiffe(text) | Self::Dns(text) => text,
        }
    }

    /// Parses a SPIFFE ID of a trust domain. Escapes, segments of dots and empty segments are
    /// refused, so that a workload has one spelling; a port, a query and a fragment are not part of
    /// the form.
    pub fn spiffe(uri: &str, trust_domain: &TrustDomain) -> Option<Self> {
        let path = uri
            .strip_prefix(SCHEME)?
            .strip_prefix(trust_domain.0.as_str())?
            .strip_prefix('/')?;
        let is_allowed =
            |b: u8| matches!(b, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_');
        let is_segment =
            |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(is_allowed);
        let is_valid = uri.len() <= SPIFFE_ID_MAX && path.split('/').all(is_segment);
        is_valid.then(|| Self::Spiffe(uri.to_owned()))
    }

    /// Parses a host name in any case.
    pub fn dns(name: &str) -> Option<Self> {
        let is_allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        let is_label = |label: &str| {
            (1..=DNS_LABEL_MAX).contains(&label.len()) && label.bytes().all(is_allowed)
        };
        let is_valid = name.len() <= DNS_NAME_MAX && name.split('.').all(is_label);
        is_valid.then(|| Self::Dns(name.to_ascii_lowercase()))
    }

    /// Parses the form of `Display`, with any trust domain.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(name) = text.strip_prefix("dns:") {
            return Self::dns(name);
        }
        let (trust_domain, _) = text.strip_prefix("spiffe://")?.split_once('/')?;
        Self::spiffe(text, &TrustDomain::parse(trust_domain).ok()?)
    }

    /// The identity of a certificate with these alternative names: exactly one URI, which must be a
    /// SPIFFE ID of the trust domain, or no URI and exactly one DNS name. Other certificates have
    /// none.
    pub fn from_alternative_names(
        uris: &[&str],
        dns_names: &[&str],
        trust_domain: Option<&TrustDomain>,
    ) -> Option<Self> {
        match (uris, dns_names) {
            ([uri], _) => Self::spiffe(uri, trust_domain?),
            ([], [name]) => Self::dns(name),
            _ => None,
        }
    }
}

/// As operators write it and as it is stored: `spiffe://…`, or `dns:` and a host name.
impl fmt::Display for CertificateIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spiffe(uri) => f.write_str(uri),
            Self::Dns(name) => write!(f, "dns:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain() -> TrustDomain {
        TrustDomain::parse("example.org").unwrap()
    }

    #[test]
    fn a_spiffe_id_has_one_spelling() {
        let long = format!("spiffe://example.org/{}", "a".repeat(2028));
        for uri in [
            "",
            "spiffe://example.org",
            "spiffe://example.org/",
            "spiffe://example.org/a/",
            "spiffe://example.org//a",
            "spiffe://example.org/a//b",
            "spiffe://example.org/./a",
            "spiffe://example.org/a/..",
            "spiffe://example.org/a%2Fb",
            "spiffe://example.org/a?b",
            "spiffe://example.org/a#b",
            "spiffe://example.org/a b",
            "spiffe://example.org/\u{e4}",
            "spiffe://example.org:443/a",
            "spiffe://user@example.org/a",
            "spiffe://example.org.evil/a",
            "spiffe://evil.example.org/a",
            "spiffe://EXAMPLE.org/a",
            "SPIFFE://example.org/a",
            "https://example.org/a",
            " spiffe://example.org/a",
            &long,
        ] {
            assert_eq!(CertificateIdentity::spiffe(uri, &domain()), None, "{uri}");
        }
        for uri in [
            "spiffe://example.org/billing",
            "spiffe://example.org/ns/prod/sa/Billing_1.2-x",
            "spiffe://example.org/...",
            &long[..2048],
        ] {
            let id = CertificateIdentity::spiffe(uri, &domain());
            assert_eq!(id, Some(CertificateIdentity::Spiffe(uri.to_owned())));
        }
    }

    #[test]
    fn a_host_name_is_whole_and_of_any_case() {
        let dns = CertificateIdentity::dns;
        assert_eq!(dns("Billing.Example.org"), dns("billing.example.ORG"));
        assert!(dns("localhost").is_some() && dns("a_b.c").is_some());
        let long = ["a".repeat(63).as_str(); 4].join(".");
        for name in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "*.example.org",
            "*",
            "a*.b",
            "a b",
            "a\0.b",
            "\u{e4}.b",
            "a/b",
            &"a".repeat(64),
            &long,
        ] {
            assert_eq!(dns(name), None, "{name}");
        }
    }

    #[test]
    fn a_certificate_has_one_identity_or_none() {
        let has_identity = |uris: &[&str], names: &[&str]| {
            CertificateIdentity::from_alternative_names(uris, names, Some(&domain())).is_some()
        };
        let (a, b) = ("spiffe://example.org/a", "spiffe://example.org/b");
        for names in [&[][..], &["x.y"], &["x.y", "z"]] {
            assert!(has_identity(&[a], names), "{names:?}");
        }
        assert!(has_identity(&[], &["x.y"]));
        for (uris, names) in [
            (&[a, b][..], &[][..]),
            (&[a, a], &[]),
            (&["https://x.y"], &["x.y"]),
            (&[a, "https://x.y"], &[]),
            (&[], &["x.y", "z.y"]),
            (&[], &["x.y", "x.y"]),
            (&[], &["*.y"]),
            (&[], &[]),
        ] {
            assert!(!has_identity(uris, names), "{uris:?} {names:?}");
        }
        let untrusted = CertificateIdentity::from_alternative_names(&[a], &["x.y"], None);
        assert_eq!(untrusted, None);
    }

    #[test]
    fn an_identity_is_read_as_it_is_written() {
        for text in ["spiffe://example.org/billing", "dns:billing.example.org"] {
            assert_eq!(CertificateIdentity::parse(text).unwrap().to_string(), text);
        }
        let upper = CertificateIdentity::parse("dns:Billing.Example.ORG");
        assert_eq!(upper, CertificateIdentity::parse("dns:billing.example.org"));
        for text in [
            "",
            "billing.example.org",
            "dns:",
            "dns:*.example.org",
            "spiffe://example.org",
            "spiffe:///billing",
            "spiffe://Example.org/billing",
            "spiffe://example.org/../billing",
            "cn:billing",
        ] {
            assert_eq!(CertificateIdentity::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_trust_domain_is_a_bare_name_in_lower_case() {
        let long = "a".repeat(256);
        for text in ["", "Example.org", "a/b", "a:1", "spiffe://a", "a b", &long] {
            assert_eq!(TrustDomain::parse(text), Err(TrustDomainFault), "{text}");
        }
        assert!(TrustDomain::parse("prod_1.example-a.org").is_ok());
    }
}
