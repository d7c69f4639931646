//! Secrets of a session that a rotation replaced: good for a grace, so that calls under way do not
//! fail, and a sign of theft afterwards.
//!
//! The next secret is an HMAC of the current one and a stored nonce. A replaced token that is
//! presented within the grace gets the same next token again, although the database has neither of
//! the secrets.

use std::fmt;

use chrono::TimeDelta;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{SecretHash, Session, SessionId, SessionToken, Timestamp, token::SECRET_LEN};

/// How long a secret is good after its replacement.
pub const ROTATION_GRACE: TimeDelta = TimeDelta::seconds(30);

/// Separates these HMACs from any other use of the secret.
const LABEL: &[u8] = b"vestibule session rotation v1";
/// The block of SHA-256, to which HMAC pads a shorter key with zeros.
const BLOCK_LEN: usize = 64;

/// A replaced secret. It is stored as long as its session.
#[derive(Clone)]
pub struct SupersededSecret {
    /// The session whose secret it was.
    pub session_id: SessionId,
    /// SHA-256 of the secret.
    pub secret_hash: SecretHash,
    /// The epoch of the session when the secret was replaced.
    pub epoch: i64,
    /// The random bytes that make the next secret of this one. Deleted some time after the grace.
    pub nonce: Option<[u8; 32]>,
    /// When the secret was replaced.
    pub superseded_at: Timestamp,
}

/// What it means that a replaced secret is presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// A call that was under way at the replacement: within the grace.
    Good,
    /// The same, but the user's other sessions were ended since, and this one was kept: an old secret
    /// is refused, and it is no sign of theft.
    Ended,
    /// Two parties hold secrets of the session.
    Reused,
}

/// Written by hand, since a derived `Debug` would print the nonce.
impl fmt::Debug for SupersededSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SupersededSecret({}, …)", self.session_id)
    }
}

impl SupersededSecret {
    /// What a presentation of the secret means at a time.
    pub fn standing(&self, session: &Session, now: Timestamp) -> Standing {
        // The nonce is forgotten after the grace: a clock that was set back brings nothing back.
        if self.nonce.is_none() || now >= self.superseded_at + ROTATION_GRACE {
            Standing::Reused
        } else if self.epoch != session.epoch {
            Standing::Ended
        } else {
            Standing::Good
        }
    }
}

impl SessionToken {
    /// The token that replaces this one. It follows from the secret of this token and the nonce;
    /// without either it cannot be computed.
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

    /// The expected bytes are of another implementation, Python's `hmac`.
    #[test]
    fn a_successor_is_the_hmac_of_label_id_and_nonce() {
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
