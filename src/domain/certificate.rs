//! Whom a client's certificate names: one name and only one, so that no two readers of a certificate
//! can take it for two callers. What a certificate says beside that name counts for nothing.

use thiserror::Error;

/// SPIFFE-ID §2.1 and §2.3.
const TRUST_DOMAIN_MAX: usize = 255;
const SPIFFE_ID_MAX: usize = 2048;
const SCHEME: &str = "spiffe://";
/// RFC 1035 §2.3.4, without the root's dot.
const DNS_NAME_MAX: usize = 253;
const DNS_LABEL_MAX: usize = 63;

/// The name of a SPIFFE trust domain, such as `example.org`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustDomain(String);

/// The text is no trust domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be 1 to 255 of a-z, 0-9, dot, hyphen and underscore, such as example.org")]
pub struct TrustDomainFault;

impl TrustDomain {
    /// Reads a name without its scheme.
    ///
    /// # Errors
    /// The text is empty, too long, or has another character.
    pub fn parse(text: &str) -> Result<Self, TrustDomainFault> {
        let plain = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_');
        let good = (1..=TRUST_DOMAIN_MAX).contains(&text.len()) && text.bytes().all(plain);
        good.then(|| Self(text.to_owned())).ok_or(TrustDomainFault)
    }
}

/// The name that a certificate proves; compared whole.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CertificateIdentity {
    /// A workload of the trust domain, `spiffe://example.org/billing`.
    Spiffe(String),
    /// A host name in lower case, without wildcard: `billing.example.org`.
    Dns(String),
}

impl CertificateIdentity {
    /// The name as text; a host name is never taken for a SPIFFE ID, nor the other way round.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Spiffe(text) | Self::Dns(text) => text,
        }
    }

    /// Reads a SPIFFE ID of a trust domain. Escapes, dots and empty segments would let one workload
    /// be spelled in many ways, so the form has none; a port, a query or a fragment is no part of it.
    pub fn spiffe(uri: &str, trust_domain: &TrustDomain) -> Option<Self> {
        let path = uri
            .strip_prefix(SCHEME)?
            .strip_prefix(trust_domain.0.as_str())?
            .strip_prefix('/')?;
        let plain =
            |b: u8| matches!(b, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_');
        let good = uri.len() <= SPIFFE_ID_MAX
            && path
                .split('/')
                .all(|segment| !matches!(segment, "" | "." | "..") && segment.bytes().all(plain));
        good.then(|| Self::Spiffe(uri.to_owned()))
    }

    /// Reads a host name; its case does not count.
    pub fn dns(name: &str) -> Option<Self> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        let good = name.len() <= DNS_NAME_MAX
            && name.split('.').all(|label| {
                (1..=DNS_LABEL_MAX).contains(&label.len()) && label.bytes().all(plain)
            });
        good.then(|| Self::Dns(name.to_ascii_lowercase()))
    }

    /// The identity of a certificate with these alternative names, where it has one: exactly one
    /// URI, which is a SPIFFE ID of the trust domain; or no URI and exactly one DNS name.
    pub fn of(uris: &[&str], names: &[&str], trust_domain: Option<&TrustDomain>) -> Option<Self> {
        match (uris, names) {
            ([uri], _) => Self::spiffe(uri, trust_domain?),
            ([], [name]) => Self::dns(name),
            _ => None,
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
    fn a_certificate_has_one_name_or_names_nobody() {
        let of = |uris: &[&str], names: &[&str]| {
            CertificateIdentity::of(uris, names, Some(&domain())).is_some()
        };
        let (a, b) = ("spiffe://example.org/a", "spiffe://example.org/b");
        assert!(of(&[a], &[]) && of(&[a], &["x.y"]) && of(&[a], &["x.y", "z"]));
        assert!(of(&[], &["x.y"]));
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
            assert!(!of(uris, names), "{uris:?} {names:?}");
        }
        assert_eq!(CertificateIdentity::of(&[a], &["x.y"], None), None);
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
