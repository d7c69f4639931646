//! One hash to compute: what a caller waits for and a hashing thread does.

use thiserror::Error;
use tokio::{sync::oneshot, time::Instant};
use zeroize::Zeroizing;

use super::{area::Area, parameters::Parameters, phc::StoredHash};

/// What Argon2 makes of a password.
pub(super) type Tag = Zeroizing<Vec<u8>>;

/// A hash to compute. Hashing a new password and verifying an attempt are the same job; what its
/// tag is good for is the caller's business.
pub(super) struct Job {
    password: Zeroizing<Vec<u8>>,
    salt: Vec<u8>,
    parameters: Parameters,
    tag_bytes: usize,
    created: Instant,
    deadline: Instant,
    /// Closed when the caller is gone; dropped when there is no answer.
    answer: oneshot::Sender<Tag>,
}

/// Why a job has no tag. Logged, never answered.
#[derive(Debug, Error)]
pub(super) enum JobError {
    #[error("no memory for a stored hash above the configured cost")]
    Memory(#[from] std::collections::TryReserveError),
    #[error("argon2: {0}")]
    Argon2(#[from] argon2::Error),
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
            parameters: hash.parameters,
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

    pub(super) fn memory_kib(&self) -> u32 {
        self.parameters.memory_kib()
    }

    /// Somebody still waits for it.
    pub(super) fn is_wanted(&self, now: Instant) -> bool {
        self.deadline > now && !self.answer.is_closed()
    }

    /// Computes the tag in `area`.
    ///
    /// # Errors
    /// Argon2 refuses the job or the area is too small for it.
    pub(super) fn compute(&self, area: &mut Area) -> Result<Tag, JobError> {
        let mut tag = Zeroizing::new(vec![0; self.tag_bytes]);
        let blocks = area.blocks(self.parameters.memory_kib());
        self.parameters
            .hash(&self.password, &self.salt, blocks, &mut tag)?;
        Ok(tag)
    }

    /// As `compute`, in an area of its own that is freed at once.
    ///
    /// # Errors
    /// As `compute`, or there is no memory for it.
    pub(super) fn compute_apart(&self) -> Result<Tag, JobError> {
        self.compute(&mut Area::reserve(self.parameters.memory_kib())?)
    }

    /// Hands the tag over; nobody may wait for it any more.
    pub(super) fn answer(self, tag: Tag) {
        drop(self.answer.send(tag));
    }
}
