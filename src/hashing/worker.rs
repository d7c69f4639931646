//! The hashing threads: own ones, because a hash holds a core for milliseconds and the runtime's
//! blocking pool would start hundreds of them at once.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread::{self, JoinHandle},
};

use tokio::time::Instant;

use super::{BeforeHash, area::Area, job::Job, queue::Queue};

/// Starts a thread that hashes in `area` until the queue is closed.
///
/// # Errors
/// The system refuses another thread.
pub(super) fn spawn(
    index: usize,
    queue: Arc<Queue>,
    mut area: Area,
    before_hash: Option<BeforeHash>,
) -> io::Result<JoinHandle<()>> {
    thread::Builder::new()
        .name(format!("hash-{index}"))
        .spawn(move || {
            while let Some(job) = next(&queue, &mut area) {
                run(&queue, job, &mut area, before_hash.as_ref());
            }
        })
}

/// The next job; while there is none, nothing of the last one stays in memory.
fn next(queue: &Queue, area: &mut Area) -> Option<Job> {
    queue.try_take().or_else(|| {
        area.wipe();
        queue.take()
    })
}

/// Computes one job. A panic loses that job and nothing else.
fn run(queue: &Queue, job: Job, area: &mut Area, before_hash: Option<&BeforeHash>) {
    let hashed = catch_unwind(AssertUnwindSafe(|| {
        if let Some(before_hash) = before_hash {
            before_hash();
        }
        let start = Instant::now();
        let tag = if queue.is_heavy(&job) {
            job.compute_apart()
        } else {
            job.compute(area)
        };
        tag.map(|tag| (tag, start.elapsed()))
    }));
    // The slot is given back before the answer, so that whoever has an answer finds it free.
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
