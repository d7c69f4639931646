//! One hash to compute: what a caller waits for and a hashing thread does.

use tokio::{sync::oneshot, time::Instant};
use zeroize::Zeroizing;

use super::{
    algorithm::{Algorithm, ComputeError},
    arena::Arena,
    stored::StoredHash,
};

/// What an algorithm makes of a password.
pub(super) type Tag = Zeroizing<Vec<u8>>;

/// A hash to compute. Hashing a new password and verifying an attempt are the same job; what its
/// tag is good for is the caller's business.
pub(super) struct Job {
    password: Zeroizing<Vec<u8>>,
    salt: Vec<u8>,
    algorithm: Algorithm,
    tag_bytes: usize,
    created: Instant,
    deadline: Instant,
    /// Closed when the caller is gone; dropped when there is no answer.
    answer: oneshot::Sender<Tag>,
}

impl Job {
    /// A job that computes the tag of `password` as `hash` has it, and where that arrives. It never
    /// starts past `deadline`.
    pub(super) fn new(
        password: &[u8],
        hash: &StoredHash,
        deadline: Instant,
    ) -> (Self, oneshot::Receiver<Tag>) {
        let (answer, tag) = oneshot::channel();
        let job = Self {
            password: Zeroizing::new(password.to_vec()),
            salt: hash.salt.clone(),
            algorithm: hash.algorithm,
            tag_bytes: hash.tag.len(),
            created: Instant::now(),
            deadline,
            answer,
        };
        (job, tag)
    }

    pub(super) fn created(&self) -> Instant {
        self.created
    }

    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Somebody still waits for it.
    pub(super) fn is_wanted(&self, now: Instant) -> bool {
        self.deadline > now && !self.answer.is_closed()
    }

    /// Computes the tag in `arena`.
    ///
    /// # Errors
    /// The algorithm refuses the job or the arena is too small for it.
    pub(super) fn compute(&self, arena: &mut Arena) -> Result<Tag, ComputeError> {
        let mut tag = Zeroizing::new(vec![0; self.tag_bytes]);
        self.algorithm
            .compute(&self.password, &self.salt, arena, &mut tag)?;
        Ok(tag)
    }

    /// As `compute`, in an arena of its own that is freed at once.
    ///
    /// # Errors
    /// As `compute`, or there is no memory for it.
    pub(super) fn compute_apart(&self) -> Result<Tag, ComputeError> {
        self.compute(&mut Arena::reserve(self.algorithm.arena_kib())?)
    }

    /// Hands the tag over; nobody may wait for it any more.
    pub(super) fn answer(self, tag: Tag) {
        drop(self.answer.send(tag));
    }
}
