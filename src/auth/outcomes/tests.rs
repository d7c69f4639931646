//! How the outcomes of logins are folded, counted, written and lost.

use std::{
    net::Ipv4Addr,
    sync::atomic::{AtomicU64, Ordering},
};

use chrono::TimeDelta;

use super::*;
use crate::domain::{EventId, uuid_v7};

fn noon() -> Timestamp {
    Timestamp::from_timestamp(1_800_000_000, 0).unwrap()
}

fn failure(user: u128, ip: u32, at: Timestamp) -> Event {
    // Rows differ by the ids of their events.
    static RANDOM: AtomicU64 = AtomicU64::new(0);
    let mut random = [0; 10];
    random[..8].copy_from_slice(&RANDOM.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    Event {
        id: EventId::new(uuid_v7(at, random)),
        kind: EventKind::LoginFailed,
        at,
        user_id: Some(UserId::new(uuid::Uuid::from_u128(user))),
        session_id: None,
        origin: EventOrigin {
            caller: None,
            client: ClientInfo {
                source: None,
                ip: Some(Ipv4Addr::from(ip).into()),
                user_agent: None,
            },
        },
    }
}

fn sum(rows: &[RowSnapshot]) -> u64 {
    rows.iter().map(|row| row.2).sum()
}

#[test]
fn outcomes_that_are_alike_within_a_minute_share_a_row() {
    let outcomes = Outcomes::default();
    let last = noon() + TimeDelta::seconds(59);
    for at in [noon(), last, last + TimeDelta::seconds(1)] {
        outcomes.note(failure(1, 1, at));
    }
    for (user, ip) in [(1, 2), (2, 1)] {
        outcomes.note(failure(user, ip, noon()));
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
            let at = noon() + TimeDelta::minutes(minute);
            outcomes.note(failure(u128::from(ip), ip, at));
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
    outcomes.note(failure(1, 1, noon()));
    let first = outcomes.unwritten();
    // Another outcome comes during the write.
    outcomes.note(failure(1, 1, noon()));
    outcomes.written(&first);
    let second = outcomes.unwritten();
    assert_eq!(first[0].1.id, second[0].1.id, "it is the same row");
    assert_eq!(sum(&second), 2, "the count is that of the row");

    let later = noon() + TimeDelta::minutes(1);
    outcomes.tidy(later);
    assert_eq!(outcomes.unwritten().len(), 1);
    outcomes.written(&second);
    outcomes.tidy(noon());
    assert_eq!(outcomes.batch.lock().rows.len(), 1, "its minute goes on");
    outcomes.tidy(later);
    assert_eq!(outcomes.batch.lock().rows.len(), 0);
    let metrics = outcomes.metrics();
    assert_eq!((metrics.written, metrics.waiting, metrics.lost), (2, 0, 0));
}

#[test]
fn a_crowded_batch_removes_every_written_row() {
    let outcomes = Outcomes::default();
    let many = u32::try_from(ROWS_MAX).unwrap();
    for round in 0..3 {
        for user in 0..many {
            outcomes.note(failure(user.into(), round, noon()));
        }
        let rows = outcomes.unwritten();
        assert_eq!(rows.len(), ROWS_MAX);
        outcomes.written(&rows);
        outcomes.tidy(noon());
    }
    assert_eq!(outcomes.metrics().coarse, 0, "no detail was lost");
}

#[test]
fn outcomes_that_are_given_up_are_counted() {
    let outcomes = Outcomes::default();
    for _ in 0..3 {
        outcomes.note(failure(1, 1, noon()));
    }
    assert_eq!(outcomes.lost(&outcomes.unwritten()), 3);
    let metrics = outcomes.metrics();
    assert_eq!((metrics.lost, metrics.waiting), (3, 0));
}

/// (L4) Whoever tries one user from many addresses gets few rows, and every outcome is counted.
#[test]
fn a_user_has_so_many_rows_a_minute() {
    let outcomes = Outcomes::default();
    for ip in 0..1_000 {
        outcomes.note(failure(1, ip, noon()));
    }
    let rows = outcomes.unwritten();
    assert_eq!(rows.len(), ROWS_OF_USER as usize + 1);
    assert_eq!(sum(&rows), 1_000);
    let next = noon() + TimeDelta::minutes(1);
    outcomes.written(&rows);
    outcomes.tidy(next);
    outcomes.note(failure(1, 7, next));
    assert!(outcomes.unwritten()[0].1.origin.client.ip.is_some());
}
