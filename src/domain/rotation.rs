//! Secrets that a rotation replaced: good for a moment, so that calls under way are not cut off, and
//! a sign of theft afterwards.

use std::fmt;

use chrono::TimeDelta;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{SecretHash, Session, SessionId, SessionToken, Timestamp, token::SECRET_LEN};

/// How long a secret is good after it was replaced.
pub const ROTATION_GRACE: TimeDelta = TimeDelta::seconds(30);

/// What is derived here is derived nowhere else.
const LABEL: &[u8] = b"vestibule session rotation v1";
/// The block of SHA-256, which HMAC fills up with zeros behind a shorter key.
const BLOCK_LEN: usize = 64;

/// A secret that was replaced. It is known until its session is forgotten.
#[derive(Clone)]
pub struct SupersededSecret {
    /// Whose it was.
    pub session_id: SessionId,
    /// Of the secret.
    pub secret_hash: SecretHash,
    /// The session's epoch when it was replaced.
    pub epoch: i64,
    /// What the next secret was made with; forgotten some time after the grace.
    pub nonce: Option<[u8; 32]>,
    /// When it was replaced.
    pub superseded_at: Timestamp,
}

/// A derived one would print the nonce.
impl fmt::Debug for SupersededSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SupersededSecret({}, …)", self.session_id)
    }
}

impl SupersededSecret {
    /// What makes the next secret of this one, while that may be told again: within the grace, and
    /// not once the user's sessions were ended, though this one was kept.
    pub fn nonce_in_grace(&self, session: &Session, now: Timestamp) -> Option<[u8; 32]> {
        let in_grace = now < self.superseded_at + ROTATION_GRACE && self.epoch == session.epoch;
        self.nonce.filter(|_| in_grace)
    }
}

impl SessionToken {
    /// The token that replaces this one. Whoever holds this one while the nonce is kept gets the same
    /// one again; without either it cannot be made.
    #[must_use]
    pub fn successor(&self, nonce: &[u8; 32]) -> Self {
        let mut key = Zeroizing::new([0; BLOCK_LEN]);
        key[..SECRET_LEN].copy_from_slice(self.secret());
        let next = Hmac::<Sha256>::new((&*key).into())
            .chain_update(LABEL)
            .chain_update(self.id().uuid())
            .chain_update(nonce)
            .finalize();
        Self::new(self.id(), next.into_bytes().into())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn token(id: u128, secret: u8) -> SessionToken {
        SessionToken::new(SessionId::new(Uuid::from_u128(id)), [secret; 32])
    }

    #[test]
    fn a_successor_follows_from_secret_id_and_nonce_alone() {
        let hash = |token: SessionToken, nonce: u8| token.successor(&[nonce; 32]).secret_hash();
        let one = hash(token(1, 1), 1);
        assert_eq!(one, hash(token(1, 1), 1));
        for other in [
            hash(token(2, 1), 1),
            hash(token(1, 2), 1),
            hash(token(1, 1), 2),
            token(1, 1).secret_hash(),
        ] {
            assert_ne!(one, other);
        }
    }

    /// HMAC-SHA-256 by another implementation (Python's `hmac`), of label, id and nonce.
    #[test]
    fn a_successor_is_the_hmac_of_what_it_follows_from() {
        let expected = SessionToken::new(SessionId::new(Uuid::from_u128(1)), EXPECTED);
        let successor = token(1, 1).successor(&[2; 32]);
        assert_eq!(*successor.expose(), *expected.expose());
    }

    const EXPECTED: [u8; 32] = [
        0x88, 0x51, 0x19, 0xF4, 0x0E, 0x6A, 0xBA, 0x5E, 0xE0, 0x05, 0x71, 0xCE, 0x0C, 0xE8, 0x78,
        0x88, 0x7E, 0x65, 0xE1, 0x51, 0xD6, 0xB8, 0x5A, 0x1C, 0x13, 0xBB, 0xA6, 0x17, 0xD6, 0xF5,
        0xA5, 0xDB,
    ];
}
