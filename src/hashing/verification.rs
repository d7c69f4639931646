//! Verifications: one job each, whatever is stored. What was right and is stored otherwise than a
//! new password would be is hashed again.

use std::time::Duration;

use subtle::ConstantTimeEq;
use tokio::time::Instant;

use super::{
    Hasher, HashingError, Salt, UnreadableHash, fair_queue::Lane, job::Job, stored::StoredHash,
};
use crate::domain::{EmailKey, HashedPassword, PasswordAttempt, PasswordScheme, StoredPassword};

/// A rehash is let in when a thread is free for it; this only has to be longer than a thread needs
/// to wake up.
const REHASH_START: Duration = Duration::from_secs(1);

/// A password that was just found right; the only thing that can be hashed again.
#[derive(Debug)]
pub struct VerifiedPassword(pub(super) PasswordAttempt);

/// Whether an attempt is the password.
#[derive(Debug)]
#[must_use]
pub enum Verification {
    /// It is. `stale` holds the password when it is stored otherwise than a new one would be.
    Match {
        /// What to hash again.
        stale: Option<VerifiedPassword>,
    },
    /// It is not, or there was nothing to compare it with.
    Mismatch,
}

impl Hasher {
    /// Refuses a verification before what is stored was read, when it would be refused afterwards: a
    /// flood of logins costs the database nothing.
    ///
    /// # Errors
    /// As `HashingError` says; nothing was done.
    pub fn would_verify(&self, deadline: Instant) -> Result<(), HashingError> {
        self.0.queue.would_admit(Lane::Login, deadline)
    }

    /// Verifies an attempt against what is stored, or against the decoy of `key` where nothing (or
    /// nothing readable) is: one job in either case.
    ///
    /// # Errors
    /// As `HashingError` says; whether the attempt is right is not known.
    pub async fn verify(
        &self,
        attempt: PasswordAttempt,
        stored: Option<StoredPassword>,
        key: &EmailKey,
        deadline: Instant,
    ) -> Result<Verification, HashingError> {
        let readable = stored.and_then(|stored| Some((read(&stored.hashed)?, stored.scheme)));
        let is_known = readable.is_some();
        let (stored, scheme) =
            readable.unwrap_or_else(|| (self.0.decoys.draw(key), PasswordScheme::Nfc));
        let password = match scheme {
            PasswordScheme::Imported => attempt.as_received(),
            PasswordScheme::Nfc => attempt.as_bytes(),
        };
        let tag = self.tag(Lane::Login, password, &stored, deadline).await?;
        if !(bool::from(tag.ct_eq(&stored.tag)) && is_known) {
            return Ok(Verification::Mismatch);
        }
        let is_current = scheme == PasswordScheme::Nfc && stored.is_current(self.0.current);
        // Of a password that was cut, what was not looked at may be wrong.
        let is_stale = !is_current && !stored.algorithm.cuts(password);
        Ok(Verification::Match {
            stale: is_stale.then_some(VerifiedPassword(attempt)),
        })
    }

    /// Hashes a verified password with the current parameters if nobody waits; `None`: busy,
    /// failed or stopped, and another login will try again.
    pub async fn rehash(&self, password: VerifiedPassword, salt: Salt) -> Option<HashedPassword> {
        let mut hash = StoredHash::without_tag(self.0.current, salt);
        let deadline = Instant::now() + REHASH_START;
        let (job, tag) = Job::new(password.0.as_bytes(), &hash, deadline);
        self.0.queue.admit_if_idle(job);
        hash.tag.copy_from_slice(&tag.await.ok()?);
        self.0.queue.counters.rehashed.inc();
        Some(HashedPassword::from_phc(hash.to_string()))
    }
}

/// Whether a hash can be verified: what an import asks before it takes one.
///
/// # Errors
/// It cannot.
pub fn check_readable(stored: &HashedPassword) -> Result<(), UnreadableHash> {
    StoredHash::parse(stored.as_str()).map(|_| ())
}

fn read(stored: &HashedPassword) -> Option<StoredHash> {
    StoredHash::parse(stored.as_str())
        .inspect_err(|reason| tracing::error!(%reason, "stored password hash cannot be read"))
        .ok()
}
