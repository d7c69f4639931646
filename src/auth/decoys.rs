//! Refreshes the decoys of the hashing engine, whose costs follow the hashes that are stored.

use std::time::Duration;

use tokio::time::Instant;

use super::{Auth, AuthError, entropy::random_bytes};
use crate::domain::ServerKey;

/// The name of the key that decides which decoy an address gets.
const KEY_NAME: &str = "decoys";
/// How long the database may take to count; the next try comes in a minute.
const LIMIT: Duration = Duration::from_secs(30);

impl Auth {
    /// Makes decoys cost what stored hashes cost, in the same proportions.
    ///
    /// # Errors
    /// The database is not available; the decoys stay as they are.
    pub async fn refresh_decoys(&self) -> Result<(), AuthError> {
        let deadline = Instant::now() + LIMIT;
        let fresh = ServerKey::new(random_bytes()?);
        let key = self.db.server_key(KEY_NAME, fresh, deadline).await?;
        let census = self.db.hash_census(deadline).await?;
        self.hasher.draw_decoys_from(&census, &key);
        Ok(())
    }
}
