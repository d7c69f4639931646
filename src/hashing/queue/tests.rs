//! The queue without threads: the tests take the jobs.

use tokio::sync::oneshot;

use super::{
    super::{job::Answer, stored::StoredHash},
    *,
};

mod costly;
mod flows;

const SECOND: Duration = Duration::from_secs(1);

fn queue(workers: usize, waiting: usize, max_wait: Duration) -> JobQueue {
    let settings = HashingSettings {
        memory_kib: 64,
        iterations: 1,
        parallelism: 1,
        workers,
        queue: waiting,
        max_wait,
    };
    JobQueue::new(&settings, parameters(64), workers)
}

fn parameters(memory_kib: u32) -> Parameters {
    Parameters::new(memory_kib, 1, 1).unwrap()
}

fn job(memory_kib: u32, time_left: Duration) -> (Job, oneshot::Receiver<Answer>) {
    let hash = StoredHash::without_tag(parameters(memory_kib), [7; 16]);
    Job::new(b"password", &hash, Instant::now() + time_left)
}

/// Admits a login that is wanted until the receiver is dropped.
fn admit(queue: &JobQueue, memory_kib: u32) -> Result<oneshot::Receiver<Answer>, HashingError> {
    admit_as(Lane::Login, queue, memory_kib)
}

fn admit_as(
    lane: Lane,
    queue: &JobQueue,
    memory_kib: u32,
) -> Result<oneshot::Receiver<Answer>, HashingError> {
    let (job, tag) = job(memory_kib, 60 * SECOND);
    queue.admit(lane, job).map(|()| tag)
}

/// Admits a registration, distinguished from a login by its memory.
fn register(queue: &JobQueue) -> Result<oneshot::Receiver<Answer>, HashingError> {
    admit_as(Lane::Registration, queue, 32)
}

/// The memory of each job in the order of their starts, one at a time.
fn order(queue: &JobQueue) -> Vec<u32> {
    let start_one = || {
        let job = queue.try_take()?;
        queue.finish(&job, None);
        Some(job.algorithm().arena_kib())
    };
    std::iter::from_fn(start_one).collect()
}

/// Makes `mean` approximately the mean time of hashes.
fn measure(queue: &JobQueue, mean: Duration) {
    for _ in 0..100 {
        let _tag = admit(queue, 64).unwrap();
        let job = queue.try_take().unwrap();
        queue.finish(&job, Some(mean));
    }
}

fn overload(result: &Result<oneshot::Receiver<Answer>, HashingError>) -> Option<f64> {
    match result {
        Err(HashingError::Overloaded { retry_after }) => Some(retry_after.as_secs_f64()),
        Ok(_) | Err(HashingError::DeadlineExceeded | HashingError::Failed) => None,
    }
}

#[test]
fn the_estimate_is_the_jobs_ahead_by_the_mean_time_over_the_threads() {
    let queue = queue(2, 8, 2 * SECOND);
    measure(&queue, SECOND);
    // Two threads are free: no wait, however long a hash takes.
    let _running = [admit(&queue, 64).unwrap(), admit(&queue, 64).unwrap()];
    let _jobs = [queue.try_take().unwrap(), queue.try_take().unwrap()];
    // 2 ahead: 1 s; 3 ahead: 1.5 s; 4 ahead: 2 s; 5 ahead: 2.5 s.
    let _waiting = [(); 2].map(|()| admit(&queue, 64).unwrap());
    let (too_short, _tag) = job(64, Duration::from_millis(1900));
    assert!(matches!(
        queue.admit(Lane::Login, too_short),
        Err(HashingError::Overloaded { .. })
    ));
    let _fifth = admit(&queue, 64).unwrap();
    let wait = overload(&admit(&queue, 64)).unwrap();
    assert!((2.4..2.6).contains(&wait), "{wait}");
}

#[test]
fn a_free_thread_is_no_wait_even_without_a_queue() {
    let queue = queue(2, 0, Duration::ZERO);
    let _both = [admit(&queue, 64).unwrap(), admit(&queue, 64).unwrap()];
    assert!(overload(&admit(&queue, 64)).is_some());
    let job = queue.try_take().unwrap();
    assert!(overload(&admit(&queue, 64)).is_some());
    queue.finish(&job, None);
    assert!(admit(&queue, 64).is_ok());
}

#[test]
fn a_burst_on_free_threads_leaves_the_queue_to_those_that_wait() {
    let queue = queue(4, 2, 2 * SECOND);
    let _four_start_and_two_wait = [(); 6].map(|()| admit(&queue, 64).unwrap());
    assert!(overload(&admit(&queue, 64)).is_some());
    assert_eq!(queue.metrics().counters.queue_full.get(), 1);
}

#[test]
fn abandoned_jobs_make_room_when_the_queue_is_full() {
    let queue = queue(1, 2, 2 * SECOND);
    let _running = admit(&queue, 64).unwrap();
    let _job = queue.try_take().unwrap();
    let gone = admit(&queue, 64).unwrap();
    let _stays = admit(&queue, 64).unwrap();
    assert!(overload(&admit(&queue, 64)).is_some());
    drop(gone);
    let _takes_its_place = admit(&queue, 64).unwrap();
    assert_eq!(queue.metrics().waiting, 2);
    assert!(overload(&admit(&queue, 64)).is_some());
}

#[test]
fn jobs_start_in_order_but_for_heavy_ones_while_one_runs() {
    let queue = queue(3, 8, 2 * SECOND);
    let _tags = [128, 256, 64, 512, 32].map(|memory| admit(&queue, memory).unwrap());
    let take = || {
        queue
            .try_take()
            .map(|job| (job.algorithm().arena_kib(), job))
    };
    let (first, heavy) = take().unwrap();
    assert_eq!(first, 128);
    assert_eq!(take().unwrap().0, 64);
    assert_eq!(take().unwrap().0, 32);
    assert!(take().is_none());
    queue.finish(&heavy, None);
    assert_eq!(take().unwrap().0, 256);
    assert!(take().is_none());
}

#[test]
fn a_waiting_heavy_job_does_not_make_a_free_thread_look_busy() {
    let queue = queue(2, 0, Duration::ZERO);
    let _heavy = admit(&queue, 128).unwrap();
    let _job = queue.try_take().unwrap();
    assert!(overload(&admit(&queue, 128)).is_some());
    assert!(admit(&queue, 64).is_ok());
}

#[test]
fn a_job_past_its_deadline_is_refused_and_never_taken() {
    let queue = queue(1, 2, 2 * SECOND);
    let (late, _tag) = job(64, Duration::ZERO);
    assert_eq!(
        queue.admit(Lane::Login, late),
        Err(HashingError::DeadlineExceeded)
    );
    let gone = admit(&queue, 64).unwrap();
    drop(gone);
    assert!(queue.try_take().is_none());
    assert_eq!(queue.metrics().waiting, 0);
}

#[test]
fn a_closed_queue_admits_nothing_and_drops_waiting_jobs() {
    let queue = queue(1, 2, 2 * SECOND);
    let mut waiting = admit(&queue, 64).unwrap();
    queue.close();
    assert_eq!(
        waiting.try_recv(),
        Err(oneshot::error::TryRecvError::Closed)
    );
    assert_eq!(admit(&queue, 64).err(), Some(HashingError::Failed));
    assert!(queue.take().is_none());
}

#[test]
fn lanes_take_turns_when_both_have_jobs() {
    let queue = queue(1, 16, 10 * SECOND);
    let _logins = [(); 5].map(|()| admit(&queue, 64).unwrap());
    let _registrations = [(); 2].map(|()| register(&queue).unwrap());
    assert_eq!(order(&queue), [64, 32, 64, 32, 64, 64, 64]);

    let _registrations = [(); 3].map(|()| register(&queue).unwrap());
    let _logins = [(); 2].map(|()| admit(&queue, 64).unwrap());
    assert_eq!(order(&queue), [32, 64, 32, 64, 32]);
}

#[test]
fn a_heavy_job_that_cannot_start_does_not_cost_the_other_lane_a_turn() {
    let queue = queue(4, 16, 10 * SECOND);
    let _heavies = [(); 2].map(|()| admit(&queue, 128).unwrap());
    let _light = admit(&queue, 64).unwrap();
    let _registrations = [(); 2].map(|()| register(&queue).unwrap());
    let running: Vec<_> = std::iter::from_fn(|| queue.try_take()).collect();
    assert!(
        running
            .iter()
            .map(|job| job.algorithm().arena_kib())
            .eq([128, 32, 64, 32])
    );
}

#[test]
fn a_flood_in_one_lane_leaves_places_to_the_other() {
    for (flood, other) in [
        (Lane::Login, Lane::Registration),
        (Lane::Registration, Lane::Login),
    ] {
        let queue = queue(1, 16, 60 * SECOND);
        let _running = admit_as(flood, &queue, 64).unwrap();
        let _job = queue.try_take().unwrap();
        let admitted: Vec<_> = std::iter::from_fn(|| admit_as(flood, &queue, 64).ok()).collect();
        assert_eq!(admitted.len(), 14, "all but an eighth of 16");
        let _others = [(); 2].map(|()| admit_as(other, &queue, 32).unwrap());
        assert!(overload(&admit_as(other, &queue, 32)).is_some());
        assert_eq!(queue.metrics().waiting, 16);
        // The flood waits for half of the hashes and no more.
        assert_eq!(order(&queue)[..4].iter().sum::<u32>(), 2 * (64 + 32));
    }
}

#[test]
fn the_estimate_of_a_lane_counts_the_turns_of_the_other() {
    let queue = queue(1, 64, 9 * SECOND / 2);
    measure(&queue, SECOND);
    let _running = admit(&queue, 64).unwrap();
    let _job = queue.try_take().unwrap();
    let _logins = [(); 4].map(|()| admit(&queue, 64).unwrap());
    let wait = overload(&admit(&queue, 64)).unwrap();
    assert!((4.9..5.1).contains(&wait), "1 runs, 4 logins: {wait}");

    // 1 runs, then registration, login, registration: a third one would wait for 5.
    let _registrations = [(); 2].map(|()| register(&queue).unwrap());
    let wait = overload(&register(&queue)).unwrap();
    assert!((4.9..5.1).contains(&wait), "{wait}");
    let wait = overload(&admit(&queue, 64)).unwrap();
    assert!((6.9..7.1).contains(&wait), "all are ahead: {wait}");
}

#[test]
fn jobs_that_arrive_before_a_rehash_has_started_go_first() {
    let queue = queue(1, 1, SECOND);
    let (rehash, _tag) = job(16, 60 * SECOND);
    queue.admit_if_idle(rehash);
    let (second, gone) = job(16, 60 * SECOND);
    queue.admit_if_idle(second);
    assert!(gone.blocking_recv().is_err(), "one at a time");
    let _starts_at_once = admit(&queue, 64).unwrap();
    let _waits = register(&queue).unwrap();
    assert!(overload(&admit(&queue, 64)).is_some());
    assert_eq!(order(&queue), [64, 32, 16]);
}

#[test]
fn every_job_is_counted_by_its_outcome() {
    let queue = queue(1, 2, 3 * SECOND);
    measure(&queue, 2 * SECOND);
    let counters = queue.metrics().counters;
    let (wait, duration) = (counters.wait.inner(), counters.duration.inner());
    assert_eq!((wait.count(), duration.count()), (100, 100));

    let (late, _tag) = job(64, Duration::ZERO);
    assert!(queue.admit(Lane::Login, late).is_err());
    let _running = admit(&queue, 64).unwrap();
    let running = queue.try_take().unwrap();
    let (hurried, tag) = job(64, SECOND);
    assert!(overload(&queue.admit(Lane::Login, hurried).map(|()| tag)).is_some());
    let gone = admit(&queue, 64).unwrap();
    assert!(overload(&admit(&queue, 64)).is_some(), "after 4 s of work");
    drop(gone);
    queue.finish(&running, None);
    assert!(queue.try_take().is_none());

    let refused = [
        counters.queue_full.get(),
        counters.max_wait.get(),
        counters.deadline.get(),
    ];
    assert_eq!(refused, [0, 1, 2]);
    assert_eq!(counters.abandoned.get(), 1);
    assert_eq!(wait.count(), 101, "of those that started");
    assert_eq!(duration.count(), 100, "of those that came to an end");
}
