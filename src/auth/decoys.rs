//! Decoys follow what is stored: the engine knows what they cost, the database what they must be
//! like.

use std::time::Duration;

use tokio::time::Instant;

use super::{Auth, AuthError, entropy::random};
use crate::domain::ServerKey;

/// The name of the key that decoys are drawn with.
const KEY: &str = "decoys";
/// How long the database may take to count; the next try comes in a minute.
const LIMIT: Duration = Duration::from_secs(30);

impl Auth {
    /// Has decoys cost what stored hashes cost, in the same proportion.
    ///
    /// # Errors
    /// The database is away; decoys stay as they are.
    pub async fn refresh_decoys(&self) -> Result<(), AuthError> {
        let deadline = Instant::now() + LIMIT;
        let fresh = ServerKey::new(random()?);
        let key = self.db.server_key(KEY, fresh, deadline).await?;
        let census = self.db.hash_census(deadline).await?;
        self.hasher.draw_decoys_from(&census, &key);
        Ok(())
    }
}
