//! The queue of mail: who may ask how often, how much may wait, and that each mail is sent by one.

use std::{collections::HashSet, time::Duration};

use futures_util::future::join_all;
use tokio::time::Instant;
use uuid::Uuid;
use vestibule::{
    db::{Db, MailIntent, Queued},
    domain::{Clock, Event, EventId, EventKind, EventOrigin, MailPurpose, Timestamp},
};

use super::ask_at;
use crate::harness::{Database, Store, email, figure, mail_request, scale};

on_both_databases!(
    an_address_is_mailed_once_a_minute_five_times_and_then_every_quarter_of_an_hour,
    a_full_queue_refuses_every_address_alike,
    of_many_workers_each_mail_has_one,
    mail_for_a_purpose_of_a_later_release_is_left_alone,
    mail_that_nobody_finished_is_taken_again_when_its_lease_ends,
    what_was_sent_is_forgotten_after_an_hour,
);

const LEASE: Duration = Duration::from_mins(2);

fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

async fn open(database: Database) -> (Store, Db) {
    let store = Store::new(database).await;
    let db = Db::open(&store.settings()).unwrap();
    db.migrate().await.unwrap();
    (store, db)
}

/// As if somebody had every address.
async fn somebodys(store: &Store) {
    store
        .execute("UPDATE mail_intents SET looked_up = TRUE")
        .await;
}

async fn claim((store, db): (&Store, &Db), now: Timestamp) -> Vec<MailIntent> {
    somebodys(store).await;
    db.claim_mail(now, LEASE, 100, deadline()).await.unwrap()
}

/// Asks and answers whether there is a mail to send, which is sent.
async fn gets_mail(
    (store, db): (&Store, &Db),
    address: &str,
    purpose: MailPurpose,
    now: Timestamp,
) -> bool {
    assert_eq!(ask_at(db, address, purpose, now).await, Queued::Yes);
    let claimed = claim((store, db), now).await;
    for intent in &claimed {
        db.finish_mail(intent, None, deadline()).await.unwrap();
    }
    !claimed.is_empty()
}

/// (A5) Five in an hour, then one in 15 minutes; anew after an hour without.
async fn an_address_is_mailed_once_a_minute_five_times_and_then_every_quarter_of_an_hour(
    database: Database,
) {
    let (store, db) = open(database).await;
    let (ada, start) = (email(), Clock::system().now());
    let at = |seconds: u64| start + Duration::from_secs(seconds);
    let reset = MailPurpose::PasswordReset;
    for (seconds, sends) in [
        (0, true),
        (0, false),
        (59, false),
        (60, true),
        (119, false),
        (120, true),
        (180, true),
        (240, true),
        (300, false),
        (240 + 899, false),
        (240 + 900, true),
        (240 + 1_799, false),
        (240 + 1_800, true),
        (240 + 1_800 + 3_600, true),
        (240 + 1_800 + 3_659, false),
        (240 + 1_800 + 3_660, true),
    ] {
        let sent = gets_mail((&store, &db), &ada, reset, at(seconds)).await;
        assert_eq!(sent, sends, "after {seconds} s");
    }
    let late = at(240 + 1_800 + 3_661);
    assert!(!gets_mail((&store, &db), &ada.to_uppercase(), reset, late).await);
    assert!(gets_mail((&store, &db), &ada, MailPurpose::EmailVerification, late).await);
    assert!(gets_mail((&store, &db), &email(), reset, late).await);
}

async fn a_full_queue_refuses_every_address_alike(database: Database) {
    let (store, db) = open(database).await;
    let (now, waiting) = (Clock::system().now(), email());
    let request = |address: String, purpose| mail_request(&address, purpose, now);
    let ask = async |address: String, purpose| {
        let request = request(address, purpose);
        db.request_mail(request, 3, deadline()).await.unwrap()
    };
    let reset = MailPurpose::PasswordReset;
    assert_eq!(ask(waiting.clone(), reset).await, Queued::Yes);
    for _ in 0..2 {
        assert_eq!(ask(email(), reset).await, Queued::Yes);
    }
    // Known to the queue or not, and one too many or not.
    for address in [waiting.clone(), email()] {
        for purpose in MailPurpose::ALL {
            assert_eq!(ask(address.clone(), purpose).await, Queued::Full);
        }
    }
    assert_eq!(store.rows("mail_intents").await, 3);
    let first = claim((&store, &db), now).await.remove(0);
    db.finish_mail(&first, None, deadline()).await.unwrap();
    assert_eq!(ask(email(), reset).await, Queued::Yes, "one was sent");
}

/// 200 mails and 8 workers in CI, 1,000 and 16 for the scorecard.
async fn of_many_workers_each_mail_has_one(database: Database) {
    let (store, db) = open(database).await;
    let (mails, workers) = (scale(200, 1_000), scale(8, 16));
    let now = Clock::system().now();
    // Some at a time: SQLite's one writer has to come to the last of them in time.
    for _ in 0..mails / 20 {
        join_all((0..20).map(|_| async {
            let address = email();
            ask_at(&db, &address, MailPurpose::PasswordReset, now).await
        }))
        .await;
    }
    assert_eq!(store.rows("mail_intents").await, mails);
    somebodys(&store).await;
    let work = async || {
        let mut taken = Vec::new();
        loop {
            let batch = db.claim_mail(now, LEASE, 7, deadline()).await.unwrap();
            assert!(batch.len() <= 7);
            if batch.is_empty() {
                return taken;
            }
            taken.extend(batch.into_iter().map(|intent| intent.key));
        }
    };
    let taken: Vec<_> = join_all((0..workers).map(|_| work())).await.concat();
    let different: HashSet<_> = taken.iter().collect();
    assert_eq!((taken.len(), different.len()), (mails, taken.len()));
    figure(
        "mail",
        format_args!(
            "{database:?}: {} mails, {workers} workers, 0 twice",
            taken.len()
        ),
    );
}

/// It waits for that release, and nobody is kept busy by it.
async fn mail_for_a_purpose_of_a_later_release_is_left_alone(database: Database) {
    let (store, db) = open(database).await;
    let now = Clock::system().now();
    let _ = ask_at(&db, &email(), MailPurpose::PasswordReset, now).await;
    store.execute("UPDATE mail_intents SET purpose = 99").await;
    assert!(claim((&store, &db), now).await.is_empty());
    let counted = db.mail_waiting(now, deadline()).await.unwrap();
    assert_eq!((counted.waiting, counted.due), (1, 0));
    assert_eq!(store.rows("mail_intents WHERE attempts = 0").await, 1);
}

async fn mail_that_nobody_finished_is_taken_again_when_its_lease_ends(database: Database) {
    let (store, db) = open(database).await;
    let (ada, start) = (email(), Clock::system().now());
    let reset = MailPurpose::PasswordReset;
    let _ = ask_at(&db, &ada, reset, start).await;
    let first = claim((&store, &db), start).await.remove(0);
    assert_eq!(first.attempts, 1);
    let before = start + LEASE - Duration::from_micros(1);
    assert!(claim((&store, &db), before).await.is_empty());
    let second = claim((&store, &db), start + LEASE).await.remove(0);
    assert_eq!(
        (second.key.clone(), second.attempts),
        (first.key.clone(), 2)
    );

    // Whoever lost the lease changes and records nothing, nor does who sent an older request.
    let asked = Event {
        id: EventId::new(Uuid::from_u128(7)),
        kind: EventKind::PasswordResetRequested,
        at: start,
        user_id: None,
        session_id: None,
        origin: EventOrigin::default(),
    };
    db.finish_mail(&first, Some(asked), deadline())
        .await
        .unwrap();
    assert_eq!(store.rows("events").await, 0);
    let third = claim((&store, &db), start + LEASE * 2).await.remove(0);
    let _ = ask_at(&db, &ada, reset, start + LEASE * 2).await;
    db.finish_mail(&third, None, deadline()).await.unwrap();
    let again = claim((&store, &db), start + LEASE * 2).await.remove(0);
    assert_eq!(again.attempts, 1, "asked for again");
    db.finish_mail(&again, None, deadline()).await.unwrap();
    assert!(claim((&store, &db), start + LEASE * 9).await.is_empty());
}

async fn what_was_sent_is_forgotten_after_an_hour(database: Database) {
    let (store, db) = open(database).await;
    let start = Clock::system().now();
    let hour = Duration::from_hours(1);
    assert!(gets_mail((&store, &db), &email(), MailPurpose::PasswordReset, start).await);
    let _ = ask_at(&db, &email(), MailPurpose::PasswordReset, start).await;
    let purge = async |now| db.purge_mail(now, 100, deadline()).await.unwrap();
    assert_eq!(purge(start + hour).await, 0);
    assert_eq!(store.rows("mail_intents").await, 2);
    let after = start + hour + Duration::from_secs(1);
    assert_eq!(purge(after).await, 1);
    assert_eq!(store.rows("mail_intents").await, 1, "one still waits");
}
