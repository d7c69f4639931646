//! A job: one hash that a caller waits for and a hashing thread computes.

use tokio::{sync::oneshot, time::Instant};
use zeroize::Zeroizing;

use super::{
    HashingError,
    algorithm::{Algorithm, ComputeError},
    arena::Arena,
    flow::Flow,
    stored::StoredHash,
};

/// The output of a hash algorithm.
pub(super) type Tag = Zeroizing<Vec<u8>>;

/// A hash to compute. Hashing a new password and verifying an attempt are the same job; the caller
/// stores or compares the tag.
pub(super) struct Job {
    password: Zeroizing<Vec<u8>>,
    salt: Vec<u8>,
    algorithm: Algorithm,
    tag_bytes: usize,
    created: Instant,
    deadline: Instant,
    flow: Flow,
    /// Closed when the caller has left; dropped without a value when the job fails.
    answer: oneshot::Sender<Answer>,
}

/// The tag, or why the job was given up.
pub(super) type Answer = Result<Tag, HashingError>;

impl Job {
    /// A job that computes the tag of `password` with the algorithm and salt of `hash`, and the
    /// receiver of the tag. The job never starts after `deadline`.
    pub(super) fn new(
        password: &[u8],
        hash: &StoredHash,
        deadline: Instant,
    ) -> (Self, oneshot::Receiver<Answer>) {
        let (answer, tag) = oneshot::channel();
        let job = Self {
            password: Zeroizing::new(password.to_vec()),
            salt: hash.salt.clone(),
            algorithm: hash.algorithm,
            tag_bytes: hash.tag.len(),
            created: Instant::now(),
            deadline,
            flow: Flow::default(),
            answer,
        };
        (job, tag)
    }

    /// The job as one of a flow.
    pub(super) fn of(self, flow: Flow) -> Self {
        Self { flow, ..self }
    }

    pub(super) fn flow(&self) -> &Flow {
        &self.flow
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

    /// Whether a caller still waits for the job.
    pub(super) fn is_wanted(&self, now: Instant) -> bool {
        self.deadline > now && !self.answer.is_closed()
    }

    pub(super) fn compute(&self, arena: &mut Arena) -> Result<Tag, ComputeError> {
        let mut tag = Zeroizing::new(vec![0; self.tag_bytes]);
        self.algorithm
            .compute(&self.password, &self.salt, arena, &mut tag)?;
        Ok(tag)
    }

    /// As `compute`, in an arena of its own that is freed afterwards.
    pub(super) fn compute_apart(&self) -> Result<Tag, ComputeError> {
        self.compute(&mut Arena::reserve(self.algorithm.arena_kib())?)
    }

    /// Sends the tag to the caller, who may have left.
    pub(super) fn answer(self, tag: Tag) {
        drop(self.answer.send(Ok(tag)));
    }

    /// Tells the caller that the job is given up.
    pub(super) fn give_up(self, reason: HashingError) {
        drop(self.answer.send(Err(reason)));
    }
}
