//! Named callers: services that operators added, what proves their names, and which methods they
//! may call.

use std::{collections::BTreeSet, fmt, sync::Arc};

use super::{CallerKeyId, CallerKind, CertificateIdentity, SecretHash, Timestamp, Token};

/// The most characters of a caller's name.
const NAME_MAX: usize = 64;

/// The name of a caller: 1 to 64 characters of `[a-z0-9-]`, safe to log. Clones share the text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallerName(Arc<str>);

impl CallerName {
    pub fn parse(text: &str) -> Option<Self> {
        let is_good = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        let fits = (1..=NAME_MAX).contains(&text.len());
        (fits && text.bytes().all(is_good)).then(|| Self(text.into()))
    }

    /// The text of the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CallerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The token that proves a named caller.
pub type CallerToken = Token<CallerKind>;

/// A named caller and its grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The name, unique among callers.
    pub name: CallerName,
    /// Full names of methods, such as `vestibule.v1.UserService/FindUser`, and [`CLIENT_ADDRESS`];
    /// there is no wildcard.
    pub grants: BTreeSet<String>,
}

/// The grant to tell the address of the end user's client, which is then believed.
pub const CLIENT_ADDRESS: &str = "client-address";

impl Caller {
    /// Whether the method is among the grants.
    pub fn may_call(&self, method: &str) -> bool {
        self.grants.contains(method)
    }

    /// Whether the end user's address in its messages is believed.
    pub fn may_tell_client_address(&self) -> bool {
        self.grants.contains(CLIENT_ADDRESS)
    }
}

/// A caller's key as stored.
#[derive(Debug, Clone)]
pub struct CallerKey {
    pub id: CallerKeyId,
    /// SHA-256 of the token's secret.
    pub secret_hash: SecretHash,
    /// When the key was made.
    pub created_at: Timestamp,
    /// When the key stops being good, once a newer key has replaced it.
    pub expires_at: Option<Timestamp>,
}

impl CallerKey {
    /// The key to store for a new token.
    pub fn new(token: &CallerToken, now: Timestamp) -> Self {
        Self {
            id: token.id(),
            secret_hash: token.secret_hash(),
            created_at: now,
            expires_at: None,
        }
    }

    /// Whether a token has this key's secret, compared in constant time.
    pub fn is_key_of(&self, token: &CallerToken) -> bool {
        self.secret_hash == token.secret_hash()
    }

    /// Whether the overlap with the key's successor is over.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

/// A named caller with all that is stored about it.
#[derive(Debug, Clone)]
pub struct CallerRecord {
    /// The name and the grants.
    pub caller: Caller,
    /// When the caller was added.
    pub created_at: Timestamp,
    /// The identities of certificates that prove it.
    pub identities: Vec<CertificateIdentity>,
    /// The keys, expired ones included.
    pub keys: Vec<CallerKey>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_that_of_its_secret_until_it_expires() {
        let at = |seconds| chrono::DateTime::from_timestamp(seconds, 0).unwrap();
        let id = CallerKeyId::new(uuid::Uuid::from_u128(1));
        let (token, other) = (CallerToken::new(id, [1; 32]), CallerToken::new(id, [2; 32]));
        let mut key = CallerKey::new(&token, at(0));
        assert!(key.is_key_of(&token) && !key.is_key_of(&other));
        assert!(!key.has_expired(at(1_000_000)));
        key.expires_at = Some(at(10));
        assert!(!key.has_expired(at(9)) && key.has_expired(at(10)));
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
