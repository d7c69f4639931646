//! Secrets that the service keeps in its database, the same on every replica.

use std::fmt;

use zeroize::Zeroizing;

/// 32 random bytes. Its `Debug` tells nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerKey(Zeroizing<[u8; 32]>);

impl ServerKey {
    /// Takes bytes that nobody can guess.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerKey(…)")
    }
}
