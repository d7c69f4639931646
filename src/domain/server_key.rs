//! Secrets of the service itself. They are stored in the database, so that all replicas use the
//! same.

use zeroize::Zeroizing;

use super::opaque_debug;

/// A secret of 32 random bytes, which `Debug` does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerKey(Zeroizing<[u8; 32]>);

impl ServerKey {
    /// A key of bytes that cannot be predicted.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

opaque_debug!(ServerKey);
