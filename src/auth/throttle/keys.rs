//! The keys of counts: HMACs, so that the table tells neither addresses nor names, and one that nobody
//! has looks like any other.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::time::Instant;

use super::Throttle;
use crate::{
    auth::{AuthError, entropy::random_bytes},
    db::{Db, ThrottleKey, ThrottleKeys},
    domain::{EmailKey, ServerKey, Source},
};

/// The name of the key that the keys of counts are made with.
const KEY_NAME: &str = "throttle";

impl Throttle {
    /// The key that the keys of counts are made with.
    pub(super) async fn server_key(
        &self,
        db: &Db,
        deadline: Instant,
    ) -> Result<&ServerKey, AuthError> {
        self.key.get_or_try_init(|| server_key(db, deadline)).await
    }

    /// The keys of an account and a source. `None`: the throttle is off.
    pub(super) async fn keys(
        &self,
        db: &Db,
        account: &EmailKey,
        source: Option<Source>,
        deadline: Instant,
    ) -> Result<Option<ThrottleKeys>, AuthError> {
        if self.policy.is_none() {
            return Ok(None);
        }
        let key = self.server_key(db, deadline).await?;
        Ok(Some(ThrottleKeys {
            account: account_key(key, account),
            source: source.map(|source| {
                let octets = source.octets();
                let both = [&octets, account.as_str().as_bytes()];
                (source_key(key, source), keyed(key, b"known", &both))
            }),
        }))
    }
}

/// The key that the keys of counts are made with; all replicas have the same.
pub(in crate::auth) async fn server_key(
    db: &Db,
    deadline: Instant,
) -> Result<ServerKey, AuthError> {
    let fresh = ServerKey::new(random_bytes()?);
    Ok(db.server_key(KEY_NAME, fresh, deadline).await?)
}

/// What the failures of an account are counted by, whether or not it exists.
pub(in crate::auth) fn account_key(key: &ServerKey, account: &EmailKey) -> ThrottleKey {
    keyed(key, b"account", &[account.as_str().as_bytes()])
}

/// What the failures of a source are counted by.
pub(super) fn source_key(key: &ServerKey, source: Source) -> ThrottleKey {
    keyed(key, b"source", &[&source.octets()])
}

/// HMAC-SHA-256 over the label and each part with its length, of which a key keeps half.
pub(super) fn keyed(key: &ServerKey, label: &[u8], parts: &[&[u8]]) -> ThrottleKey {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else {
        // HMAC takes keys of any length.
        return ThrottleKey::new([0; 16]);
    };
    mac.update(label);
    for part in parts {
        mac.update(&u64::try_from(part.len()).unwrap_or(0).to_be_bytes());
        mac.update(part);
    }
    let digest = mac.finalize().into_bytes();
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    ThrottleKey::new(half)
}
