//! Verifications: one job each, whatever is stored. A correct password whose hash differs from what a
//! new password would get is hashed again.

use std::time::Duration;

use subtle::ConstantTimeEq;
use tokio::time::Instant;

use super::{
    Hasher, HashingError, Salt, UnreadableHash, fair_queue::Lane, flow::Flow, job::Job,
    stored::StoredHash,
};
use crate::domain::{EmailKey, HashedPassword, PasswordAttempt, PasswordScheme, StoredPassword};

/// How long a rehash may take to start. It is admitted only when a thread is free, so this covers the
/// thread's wake-up.
const REHASH_START: Duration = Duration::from_secs(1);

/// A password that was just verified; only such a password can be rehashed.
#[derive(Debug)]
pub struct VerifiedPassword(pub(super) PasswordAttempt);

/// The result of a verification.
#[derive(Debug)]
#[must_use]
pub enum Verification {
    /// The attempt is the password.
    Match {
        /// The password, if its stored hash should be replaced by a new one.
        stale: Option<VerifiedPassword>,
    },
    /// The attempt is wrong, or no readable password is stored.
    Mismatch,
}

impl Hasher {
    /// Whether a verification would be admitted now. Asked before the stored hash is read, so that a
    /// flood of logins costs the database nothing.
    pub fn would_verify(&self, flow: &Flow, deadline: Instant) -> Result<(), HashingError> {
        self.0.queue.would_admit(Lane::Login, flow, deadline)
    }

    /// Whether a verification could wait until so many others are done one after the other.
    pub fn would_wait_behind(&self, others: usize) -> Result<(), HashingError> {
        self.0.queue.would_wait_behind(others)
    }

    /// Verifies an attempt against the stored password, or against the decoy of `key` if no readable
    /// password is stored. Either is one job.
    pub async fn verify(
        &self,
        attempt: PasswordAttempt,
        stored: Option<StoredPassword>,
        key: &EmailKey,
        flow: Flow,
        deadline: Instant,
    ) -> Result<Verification, HashingError> {
        let readable =
            stored.and_then(|stored| Some((parse_stored(&stored.hashed)?, stored.scheme)));
        let is_known = readable.is_some();
        let (stored, scheme) =
            readable.unwrap_or_else(|| (self.0.decoys.draw(key), PasswordScheme::Nfc));
        let password = match scheme {
            PasswordScheme::Imported => attempt.as_received(),
            PasswordScheme::Nfc => attempt.as_bytes(),
        };
        let tag = self
            .compute_tag((Lane::Login, flow), password, &stored, deadline)
            .await?;
        if !(bool::from(tag.ct_eq(&stored.tag)) && is_known) {
            return Ok(Verification::Mismatch);
        }
        let is_current = scheme == PasswordScheme::Nfc && stored.is_current(self.0.current);
        // The algorithm ignored the end of a password that it cut, so that end may be wrong.
        let is_stale = !is_current && !stored.algorithm.cuts(password);
        Ok(Verification::Match {
            stale: is_stale.then_some(VerifiedPassword(attempt)),
        })
    }

    /// Hashes a verified password with the current parameters if the engine is idle. `None`: it is
    /// busy or stopped, or the job failed; the next login tries again.
    pub async fn rehash(&self, password: VerifiedPassword, salt: Salt) -> Option<HashedPassword> {
        let mut hash = StoredHash::without_tag(self.0.current, salt);
        let deadline = Instant::now() + REHASH_START;
        let (job, tag) = Job::new(password.0.as_bytes(), &hash, deadline);
        self.0.queue.admit_if_idle(job);
        hash.tag.copy_from_slice(&tag.await.ok()?.ok()?);
        self.0.queue.counters.rehashed.inc();
        Some(HashedPassword::from_phc(hash.to_string()))
    }
}

/// Checks that a hash can be verified, before an import stores it.
///
/// # Errors
/// The reason why it cannot.
pub fn check_readable(stored: &HashedPassword) -> Result<(), UnreadableHash> {
    StoredHash::parse(stored.as_str()).map(|_| ())
}

fn parse_stored(stored: &HashedPassword) -> Option<StoredHash> {
    StoredHash::parse(stored.as_str())
        .inspect_err(|reason| tracing::error!(%reason, "stored password hash cannot be read"))
        .ok()
}
