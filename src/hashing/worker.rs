//! The hashing threads. They are not the runtime's blocking pool, because a hash occupies a core for
//! milliseconds and that pool would run hundreds at once.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread::{self, JoinHandle},
};

use tokio::time::Instant;

use super::{BeforeHash, arena::Arena, job::Job, priority, queue::JobQueue};

/// Starts a thread that hashes in `arena` until the queue is closed.
pub(super) fn spawn_worker(
    index: usize,
    queue: Arc<JobQueue>,
    mut arena: Arena,
    before_hash: Option<BeforeHash>,
) -> io::Result<JoinHandle<()>> {
    thread::Builder::new()
        .name(format!("hash-{index}"))
        .spawn(move || {
            priority::lower_priority();
            while let Some(job) = next_job(&queue, &mut arena) {
                run_job(&queue, job, &mut arena, before_hash.as_ref());
            }
        })
}

/// Takes the next job. Before it waits, it wipes the remains of the last one.
fn next_job(queue: &JobQueue, arena: &mut Arena) -> Option<Job> {
    queue.try_take().or_else(|| {
        arena.wipe();
        queue.take()
    })
}

/// Computes one job. A panic loses only that job.
fn run_job(queue: &JobQueue, job: Job, arena: &mut Arena, before_hash: Option<&BeforeHash>) {
    let hashed = catch_unwind(AssertUnwindSafe(|| {
        if let Some(before_hash) = before_hash {
            before_hash(&job.algorithm().to_string());
        }
        let start = Instant::now();
        let tag = if queue.is_heavy(&job) {
            job.compute_apart()
        } else {
            job.compute(arena)
        };
        tag.map(|tag| (tag, start.elapsed()))
    }));
    // The slot is freed before the answer, so that a caller with an answer finds it free.
    match hashed {
        Ok(Ok((tag, time))) => {
            queue.finish(&job, Some(time));
            job.answer(tag);
        }
        Ok(Err(error)) => {
            queue.finish(&job, None);
            tracing::error!(%error, "a password hash failed");
        }
        Err(_panic) => {
            queue.finish(&job, None);
            tracing::error!("a hashing thread panicked; its job is lost");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{
        super::{HashingSettings, fair_queue::Lane, parameters::Parameters, stored::StoredHash},
        *,
    };

    fn queue() -> JobQueue {
        let settings = HashingSettings {
            memory_kib: 8,
            iterations: 1,
            parallelism: 1,
            workers: 1,
            queue: 8,
            max_wait: Duration::from_secs(2),
        };
        JobQueue::new(&settings, Parameters::new(8, 1, 1).unwrap(), 1)
    }

    fn is_empty(arena: &mut Arena) -> bool {
        let mut words = arena.blocks(8).iter().flat_map(AsRef::as_ref);
        words.all(|word| *word == 0)
    }

    /// The next hash overwrites every block, so a thread wipes them only when it has no next job.
    #[test]
    fn an_arena_is_wiped_when_there_is_no_next_job_and_not_between_two() {
        let queue = queue();
        let hash = StoredHash::without_tag(Parameters::new(8, 1, 1).unwrap(), [7; 16]);
        let deadline = Instant::now() + Duration::from_mins(1);
        let mut arena = Arena::reserve(8).unwrap();
        let tags = [(); 2].map(|()| {
            let (job, tag) = Job::new(b"password", &hash, deadline);
            queue.admit(Lane::Login, job).unwrap();
            tag
        });
        for tag in tags {
            let job = next_job(&queue, &mut arena).unwrap();
            run_job(&queue, job, &mut arena, None);
            assert_eq!(tag.blocking_recv().unwrap().unwrap().len(), 32);
            assert!(!is_empty(&mut arena));
        }
        queue.close();
        assert!(next_job(&queue, &mut arena).is_none());
        assert!(is_empty(&mut arena));
    }
}
