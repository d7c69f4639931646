//! Flows of one lane: nobody's flood takes the turns or the places of the others.

use super::*;
use crate::domain::{CallerName, Source};

fn source(last: u8) -> Flow {
    Flow::Source(Source::of([192, 0, 2, last].into()).unwrap())
}

/// A login of a flow, told apart by its memory.
fn admit_of(
    queue: &JobQueue,
    flow: Flow,
    memory_kib: u32,
) -> Result<oneshot::Receiver<Answer>, HashingError> {
    let (job, tag) = job(memory_kib, 60 * SECOND);
    queue.admit(Lane::Login, job.of(flow)).map(|()| tag)
}

#[test]
fn flows_take_turns_when_several_have_jobs() {
    let queue = queue(1, 64, 60 * SECOND);
    let shop = || Flow::Caller(CallerName::parse("shop").unwrap());
    let _tags = [
        (source(1), 61),
        (source(1), 61),
        (source(1), 61),
        (source(1), 61),
        (source(2), 62),
        (source(2), 62),
        (shop(), 63),
        (Flow::Rest, 64),
    ]
    .map(|(flow, memory)| admit_of(&queue, flow, memory).unwrap());
    assert_eq!(order(&queue), [61, 62, 63, 64, 61, 62, 61, 61]);
}

#[test]
fn the_estimate_of_a_flow_counts_one_job_of_every_other_a_turn() {
    let queue = queue(1, 64, 9 * SECOND / 2);
    measure(&queue, SECOND);
    let _running = admit(&queue, 64).unwrap();
    let _job = queue.try_take().unwrap();
    let _waiting = [(); 4].map(|()| admit_of(&queue, source(1), 61).unwrap());
    let wait = overload(&admit_of(&queue, source(1), 61)).unwrap();
    assert!((4.9..5.1).contains(&wait), "1 runs, 4 of its own: {wait}");
    // 1 runs, and one of the other flow at each of its turns: 2, 4, and the third would wait for 6.
    let _others = [(); 2].map(|()| admit_of(&queue, source(2), 62).unwrap());
    let wait = overload(&admit_of(&queue, source(2), 62)).unwrap();
    assert!((5.9..6.1).contains(&wait), "{wait}");
}

/// Alone a flow may have every place of its lane; with the first job of another, a quarter of all.
#[test]
fn a_flow_has_a_quarter_of_the_places_while_others_wait() {
    let queue = queue(1, 16, 60 * SECOND);
    let _running = admit(&queue, 64).unwrap();
    let _job = queue.try_take().unwrap();
    let mut flood: Vec<_> = std::iter::from_fn(|| admit_of(&queue, source(1), 61).ok()).collect();
    assert_eq!(flood.len(), 14, "all but an eighth of 16");

    let _others =
        [2, 3, 4].map(|last| [(); 3].map(|()| admit_of(&queue, source(last), 62).unwrap()));
    assert!(overload(&admit_of(&queue, source(1), 61)).is_some());
    let given_up = |tag: &mut oneshot::Receiver<Answer>| tag.try_recv().ok();
    let given_up: Vec<_> = flood.iter_mut().filter_map(given_up).collect();
    assert_eq!(given_up.len(), 9, "a place for each of the others");
    for answer in given_up {
        assert!(matches!(answer, Err(HashingError::Overloaded { .. })));
    }
    assert_eq!(queue.metrics().waiting, 14);
    assert_eq!(queue.metrics().counters.queue_full.get(), 11);
    assert_eq!(order(&queue)[..4].iter().sum::<u32>(), 61 + 3 * 62);
}

#[test]
fn a_flow_with_its_share_displaces_nobody_who_has_no_more() {
    let queue = queue(1, 8, 60 * SECOND);
    let _running = admit(&queue, 64).unwrap();
    let _job = queue.try_take().unwrap();
    let _tags = [1, 1, 2, 2, 3, 3, 4].map(|last| admit_of(&queue, source(last), 61).unwrap());
    assert!(overload(&admit_of(&queue, source(5), 62)).is_some());
    assert!(overload(&admit_of(&queue, source(1), 61)).is_some());
}
