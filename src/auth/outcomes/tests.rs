//! What is folded, counted, lost and written of the outcomes of logins.

use std::net::Ipv4Addr;

use chrono::TimeDelta;

use super::*;
use crate::domain::ClientInfo;

fn noon() -> Timestamp {
    Timestamp::from_timestamp(1_800_000_000, 0).unwrap()
}

fn failure(user: u128, ip: u32, at: Timestamp) -> Outcome {
    Outcome {
        kind: EventKind::LoginFailed,
        at,
        user_id: Some(UserId::new(uuid::Uuid::from_u128(user))),
        origin: Origin {
            caller: None,
            client: ClientInfo {
                ip: Some(Ipv4Addr::from(ip).into()),
                user_agent: None,
            },
        },
    }
}

fn note(outcomes: &Outcomes, outcome: Outcome) {
    outcomes.note(outcome, [0; 10]);
}

fn sum(rows: &[Snapshot]) -> u64 {
    rows.iter().map(|row| row.2).sum()
}

#[test]
fn what_is_alike_within_a_minute_is_one_row() {
    let outcomes = Outcomes::default();
    let last = noon() + TimeDelta::seconds(59);
    for at in [noon(), last, last + TimeDelta::seconds(1)] {
        note(&outcomes, failure(1, 1, at));
    }
    for (user, ip) in [(1, 2), (2, 1)] {
        note(&outcomes, failure(user, ip, noon()));
    }
    let rows = outcomes.unwritten();
    assert_eq!((rows.len(), sum(&rows)), (4, 5));
    assert_eq!(outcomes.metrics().folded, 1);
}

#[test]
fn a_full_batch_costs_detail_and_no_outcome() {
    let outcomes = Outcomes::default();
    let many = u32::try_from(2 * ROWS_MAX).unwrap();
    for minute in 0..3 {
        for ip in 0..many {
            note(
                &outcomes,
                failure(1, ip, noon() + TimeDelta::minutes(minute)),
            );
        }
    }
    let rows = outcomes.unwritten();
    assert_eq!(rows.len(), ROWS_MAX + 1);
    assert_eq!(sum(&rows), 3 * u64::from(many));
    let coarse = rows.iter().find(|row| row.0.detail.is_none()).unwrap();
    assert_eq!(coarse.1.user_id, None);
    assert_eq!(coarse.1.origin.client, ClientInfo::default());
    let metrics = outcomes.metrics();
    assert_eq!(metrics.coarse, coarse.2);
    assert_eq!(metrics.waiting, sum(&rows));
}

#[test]
fn a_row_is_held_until_it_is_written_and_its_minute_is_over() {
    let outcomes = Outcomes::default();
    note(&outcomes, failure(1, 1, noon()));
    let first = outcomes.unwritten();
    // One more comes while they are written.
    note(&outcomes, failure(1, 1, noon()));
    outcomes.written(&first);
    let second = outcomes.unwritten();
    assert_eq!(first[0].1.id, second[0].1.id, "it is the same row");
    assert_eq!(sum(&second), 2, "the count is that of the row");

    let later = noon() + TimeDelta::minutes(1);
    outcomes.tidy(later);
    assert_eq!(outcomes.unwritten().len(), 1);
    outcomes.written(&second);
    outcomes.tidy(noon());
    assert_eq!(outcomes.batch.lock().len(), 1, "its minute goes on");
    outcomes.tidy(later);
    assert_eq!(outcomes.batch.lock().len(), 0);
    let metrics = outcomes.metrics();
    assert_eq!((metrics.written, metrics.waiting, metrics.lost), (2, 0, 0));
}

#[test]
fn a_crowded_batch_lets_go_of_all_that_is_written() {
    let outcomes = Outcomes::default();
    let many = u32::try_from(ROWS_MAX).unwrap();
    for round in 0..3 {
        for user in 0..many {
            note(&outcomes, failure(user.into(), round, noon()));
        }
        let rows = outcomes.unwritten();
        assert_eq!(rows.len(), ROWS_MAX);
        outcomes.written(&rows);
        outcomes.tidy(noon());
    }
    assert_eq!(outcomes.metrics().coarse, 0, "no detail was lost");
}

#[test]
fn what_is_given_up_is_counted() {
    let outcomes = Outcomes::default();
    for _ in 0..3 {
        note(&outcomes, failure(1, 1, noon()));
    }
    assert_eq!(outcomes.lost(&outcomes.unwritten()), 3);
    let metrics = outcomes.metrics();
    assert_eq!((metrics.lost, metrics.waiting), (3, 0));
}
