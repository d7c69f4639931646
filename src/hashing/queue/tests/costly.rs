//! Hashes that take longer than new ones leave most of the time to the others.

use super::*;

/// A free thread takes a costly job at once; then the others have three times as long, and only while
/// one of them waits.
#[test]
fn costly_hashes_have_a_quarter_of_the_time_while_others_wait() {
    let queue = queue(1, 64, 600 * SECOND);
    let _costly = [(); 4].map(|()| admit(&queue, 1024).unwrap());
    let _others = [(); 8].map(|()| admit(&queue, 64).unwrap());
    let start_one = || {
        let job = queue.try_take()?;
        let memory = job.algorithm().arena_kib();
        let seconds = if memory == 1024 { 2 } else { 1 };
        queue.finish(&job, Some(seconds * SECOND));
        Some(memory)
    };
    let order: Vec<_> = std::iter::from_fn(start_one).collect();
    let six = [64; 6];
    let (first, rest) = order.split_at(7);
    assert_eq!((first[0], &first[1..]), (1024, &six[..]));
    assert_eq!(rest, [1024, 64, 64, 1024, 1024]);
}

/// Beyond that they wait for one another, and hold up nobody for whom a thread is free.
#[test]
fn costly_hashes_have_a_quarter_of_the_threads() {
    let queue = queue(8, 64, 600 * SECOND);
    measure(&queue, SECOND);
    let _tags = [(); 20].map(|()| admit_bcrypt(&queue).unwrap());
    let running = [(); 3].map(|()| queue.try_take());
    assert_eq!(running.iter().flatten().count(), 2);

    let _others = [(); 6].map(|()| {
        let (job, tag) = job(64, SECOND);
        queue.admit(Lane::Login, job).unwrap();
        assert!(queue.try_take().is_some());
        tag
    });
    let (too_late, _tag) = job(64, SECOND);
    assert!(queue.admit(Lane::Login, too_late).is_err());
}

fn admit_bcrypt(queue: &JobQueue) -> Result<oneshot::Receiver<Answer>, HashingError> {
    let hash = StoredHash {
        algorithm: Algorithm::bcrypt(12).unwrap(),
        ..StoredHash::without_tag(parameters(64), [7; 16])
    };
    let (job, tag) = Job::new(b"password", &hash, Instant::now() + 60 * SECOND);
    queue.admit(Lane::Login, job).map(|()| tag)
}
