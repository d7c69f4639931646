//! Named callers: services that may act on users by name, what proves them and what they may call.

use std::{collections::BTreeSet, fmt, sync::Arc};

use super::{
    CallerKeyId, CertificateIdentity, OfCaller, SecretHash, Timestamp, Token, TrustDomain,
};

/// The most characters of a name.
const NAME_MAX: usize = 64;

/// The name of a caller: 1 to 64 of `[a-z0-9-]`, safe to log. Clones share the text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallerName(Arc<str>);

impl CallerName {
    /// Reads a name.
    pub fn parse(text: &str) -> Option<Self> {
        let is_good = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        let fits = (1..=NAME_MAX).contains(&text.len());
        (fits && text.bytes().all(is_good)).then(|| Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CallerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text that proves a caller. It is told once and stored nowhere.
pub type CallerToken = Token<OfCaller>;

/// A caller, and each method that was granted to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Who it is.
    pub name: CallerName,
    /// Methods in full, such as `vestibule.v1.UserService/FindUser`; there is no wildcard.
    pub grants: BTreeSet<String>,
}

impl Caller {
    /// Whether the method was granted.
    pub fn may_call(&self, method: &str) -> bool {
        self.grants.contains(method)
    }
}

/// A caller's key as it is stored.
#[derive(Debug, Clone)]
pub struct CallerKey {
    /// The public handle; safe to log, proves nothing.
    pub id: CallerKeyId,
    /// Of the secret.
    pub secret_hash: SecretHash,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it is good, where another has taken its place.
    pub expires_at: Option<Timestamp>,
}

impl CallerKey {
    /// What to store of a token that was just made.
    pub fn new(token: &CallerToken, now: Timestamp) -> Self {
        Self {
            id: token.id(),
            secret_hash: token.secret_hash(),
            created_at: now,
            expires_at: None,
        }
    }

    /// Whether a token is this key, and the key still good.
    pub fn accepts(&self, token: &CallerToken, now: Timestamp) -> bool {
        self.secret_hash == token.secret_hash() && self.expires_at.is_none_or(|end| now < end)
    }
}

/// All that is stored of a caller.
#[derive(Debug, Clone)]
pub struct CallerRecord {
    /// The caller.
    pub caller: Caller,
    /// When it was added.
    pub created_at: Timestamp,
    /// The names that its certificates may have.
    pub identities: Vec<CertificateIdentity>,
    /// Its keys, those that have expired too.
    pub keys: Vec<CallerKey>,
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

impl CertificateIdentity {
    /// Reads what an operator wrote; the trust domain is the one that is written there.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(name) = text.strip_prefix("dns:") {
            return Self::dns(name);
        }
        let (trust_domain, _) = text.strip_prefix("spiffe://")?.split_once('/')?;
        Self::spiffe(text, &TrustDomain::parse(trust_domain).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_key_is_good_with_its_secret_until_it_expires() {
        let at = |seconds| chrono::DateTime::from_timestamp(seconds, 0).unwrap();
        let id = CallerKeyId::new(uuid::Uuid::from_u128(1));
        let (token, other) = (CallerToken::new(id, [1; 32]), CallerToken::new(id, [2; 32]));
        let mut key = CallerKey::new(&token, at(0));
        assert!(key.accepts(&token, at(1_000_000)));
        assert!(!key.accepts(&other, at(0)));
        key.expires_at = Some(at(10));
        assert!(key.accepts(&token, at(9)));
        assert!(!key.accepts(&token, at(10)));
    }

    #[test]
    fn a_name_has_lower_case_letters_digits_and_dashes() {
        for good in ["a", "billing-2", &"x".repeat(64)] {
            assert_eq!(CallerName::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "A", "a b", "a_b", "é", "a/b", &"x".repeat(65)] {
            assert_eq!(CallerName::parse(bad), None, "{bad}");
        }
    }
}
