//! Mail that cannot be sent: it is tried again, later and later, and given up in time; and what must
//! not be trusted is not.

use std::time::Duration;

use vestibule::{
    domain::{Clock, MailPurpose, TokenKind},
    mail::{Delivery, SmtpTls},
    server::Stop,
};

use super::{ask, ask_at, sending_to};
use crate::harness::{
    Database, EventKind, Plan, Server, Sink, captured_lines, email, events_of, eventually, within,
};

on_both_databases!(
    a_server_that_is_away_is_tried_again_later_and_after_a_restart,
    a_refused_recipient_keeps_nobody_else_from_getting_mail,
    mail_that_is_too_old_is_not_sent,
    what_nobody_proved_gets_no_mail,
    mail_that_is_being_sent_at_the_stop_is_sent_once,
    nobody_who_asks_waits_for_the_mail_server,
    a_change_of_address_is_called_off_when_all_sessions_are_ended,
);

/// With a clock that the test moves.
async fn at_standing_clock(sink: &Sink, database: Database) -> (Plan, Clock) {
    let clock = Clock::manual(Clock::system().now());
    let hook = clock.clone();
    let plan = sending_to(sink, database).await;
    (plan.hooks(|hooks| hooks.clock = Some(hook)), clock)
}

async fn waits(app: &Server) -> usize {
    app.store
        .rows("mail_intents WHERE next_try IS NOT NULL")
        .await
}

/// Waits until so many mails were tried in vain and wait for another try, which is soon, whereas a
/// lease is long.
async fn await_postponed(app: &Server, clock: &Clock, attempts: usize, mails: usize) {
    let now = clock.now();
    let [now, soon] = [now, now + Duration::from_mins(1)].map(|at| at.timestamp_micros());
    let postponed = format!(
        "mail_intents WHERE attempts = {attempts} AND next_try > {now} AND next_try < {soon}"
    );
    eventually("it is to be tried again", async || {
        app.store.rows(&postponed).await == mails
    })
    .await;
}

async fn a_server_that_is_away_is_tried_again_later_and_after_a_restart(database: Database) {
    let sink = Sink::start(SmtpTls::Implicit).await;
    sink.behave(|manners| manners.away = true);
    let (plan, clock) = at_standing_clock(&sink, database).await;
    let app = plan.start().await;
    let user = app.grpc().registered().await;
    let reset = MailPurpose::PasswordReset;
    let _ = ask_at(&app.db, &user.email, reset, clock.now()).await;
    for tries in 1..=4 {
        await_postponed(&app, &clock, tries, 1).await;
        // As long as the longest of the first three waits.
        clock.advance(Duration::from_secs(if tries < 4 { 20 } else { 0 }));
    }
    assert!(
        captured_lines(&user.id)
            .iter()
            .any(|line| line.contains("mail not sent"))
    );
    assert_eq!((sink.mails().len(), waits(&app).await), (0, 1));

    let delivery = sink.delivery();
    let hook = clock.clone();
    let plan = app.stop_and_plan().await;
    sink.behave(|manners| manners.away = false);
    clock.advance(Duration::from_mins(2));
    let app = plan
        .settings(|settings| settings.mail = delivery)
        .hooks(|hooks| hooks.clock = Some(hook))
        .start()
        .await;
    let mails = sink.await_mails(1).await;
    assert_eq!(mails[0].to, user.email);
    eventually("nothing waits", async || waits(&app).await == 0).await;
    assert_eq!(
        app.store.rows("one_time_tokens").await,
        5,
        "one for each try"
    );
}

async fn a_refused_recipient_keeps_nobody_else_from_getting_mail(database: Database) {
    let sink = Sink::start(SmtpTls::Starttls).await;
    let app = sending_to(&sink, database).await.start().await;
    let (good, bad) = (app.grpc().registered().await, app.grpc().registered().await);
    let refused = bad.email.clone();
    sink.behave(|manners| manners.refuses = Some((refused, "550 5.1.1 unknown")));
    ask(&app.db, &bad.email).await;
    ask(&app.db, &good.email).await;
    let mails = sink.await_mails(1).await;
    eventually("nothing waits", async || waits(&app).await == 0).await;
    assert_eq!(mails[0].to, good.email);
    assert_eq!(sink.mails().len(), 1);
    assert_eq!(app.store.rows("mail_intents WHERE attempts = 1").await, 2);
    let told = captured_lines(&bad.id);
    assert!(
        told.iter()
            .any(|line| line.contains("mail given up") && line.contains("550")),
        "{told:#?}"
    );
}

async fn mail_that_is_too_old_is_not_sent(database: Database) {
    let sink = Sink::start(SmtpTls::Implicit).await;
    let (plan, clock) = at_standing_clock(&sink, database).await;
    let app = plan.start().await;
    let (old, young) = (app.grpc().registered().await, app.grpc().registered().await);
    let ago = |seconds| clock.now() - Duration::from_secs(seconds);
    let reset = MailPurpose::PasswordReset;
    let _ = ask_at(&app.db, &old.email, reset, ago(600)).await;
    let _ = ask_at(
        &app.db,
        &old.email,
        MailPurpose::EmailVerification,
        ago(600),
    )
    .await;
    let _ = ask_at(&app.db, &young.email, reset, ago(599)).await;
    sink.await_mails(2).await;
    eventually("nothing waits", async || waits(&app).await == 0).await;
    let mut sent: Vec<_> = sink
        .mails()
        .iter()
        .map(|mail| (mail.to.clone(), mail.token()[..4].to_owned()))
        .collect();
    sent.sort();
    let mut meant = vec![
        (old.email, "vvt_".to_owned()),
        (young.email, "vrt_".to_owned()),
    ];
    meant.sort();
    assert_eq!(sent, meant);
}

/// A certificate of another authority, a server without STARTTLS: no mail, no password.
async fn what_nobody_proved_gets_no_mail(database: Database) {
    let others = [
        Sink::start(SmtpTls::Implicit).await,
        Sink::start(SmtpTls::Starttls).await,
    ];
    let without = Sink::start(SmtpTls::Starttls).await;
    without.behave(|manners| manners.no_starttls = true);
    let stranger = Sink::start(SmtpTls::Implicit).await;
    let trusting_the_stranger = |sink: &Sink| match (sink.delivery(), stranger.delivery()) {
        (Delivery::Smtp(mut smtp), Delivery::Smtp(stranger)) => {
            smtp.authority = stranger.authority;
            Delivery::Smtp(smtp)
        }
        _ => unreachable!(),
    };
    let [implicit, starttls] = &others;
    for (sink, delivery) in [
        (implicit, trusting_the_stranger(implicit)),
        (starttls, trusting_the_stranger(starttls)),
        (&without, without.delivery()),
    ] {
        let plan = Server::on(database).await;
        let app = plan
            .settings(|settings| settings.mail = delivery)
            .start()
            .await;
        let user = app.grpc().registered().await;
        ask(&app.db, &user.email).await;
        eventually("the failure is told", async || {
            captured_lines(&user.id)
                .iter()
                .any(|line| line.contains("mail not sent"))
        })
        .await;
        assert!(sink.connections() > 0);
        assert!(sink.mails().is_empty());
        assert_eq!(waits(&app).await, 1);
    }
}

async fn mail_that_is_being_sent_at_the_stop_is_sent_once(database: Database) {
    let sink = Sink::start(SmtpTls::Implicit).await;
    sink.behave(|manners| manners.silent = true);
    let mut app = sending_to(&sink, database).await.start().await;
    let user = app.grpc().registered().await;
    ask(&app.db, &user.email).await;
    eventually("the worker connects", async || sink.connections() == 1).await;
    app.ask_to_stop(Stop::Interrupt);
    eventually("it drains", async || app.readiness().await.1 == "draining").await;
    sink.behave(|manners| manners.silent = false);
    within(Duration::from_secs(30), "the stop", app.ended()).await;
    assert_eq!(sink.mails().len(), 1);
    assert_eq!(waits(&app).await, 0, "that it was sent is known");
}

/// (E4) A mail server that says nothing: known and unknown are answered all the same, by one
/// write each.
async fn nobody_who_asks_waits_for_the_mail_server(database: Database) {
    let sink = Sink::start(SmtpTls::Implicit).await;
    sink.behave(|manners| manners.silent = true);
    let app = sending_to(&sink, database).await.start().await;
    let first = app.grpc().registered().await;
    ask(&app.db, &first.email).await;
    eventually("the worker is held", async || sink.connections() == 1).await;
    for _ in 0..20 {
        let known = app.grpc().registered().await;
        ask(&app.db, &known.email).await;
        ask(&app.db, &email()).await;
    }
    assert!(sink.mails().is_empty());
    eventually("nobody's leave at once", async || waits(&app).await == 21).await;
    sink.behave(|manners| manners.silent = false);
    sink.await_mails(21).await;
    eventually("nothing waits", async || waits(&app).await == 0).await;
    assert_eq!(sink.mails().len(), 21);
    let scrape = app.scrape().await;
    let requests = scrape.value("vestibule_mail_requests_total", &[]);
    assert_eq!(requests, 41, "it tells nothing of who exists");
}

/// The new address gets a token, the current one a notice; an owner is warned instead.
async fn a_change_of_address_is_called_off_when_all_sessions_are_ended(database: Database) {
    let sink = Sink::start(SmtpTls::Implicit).await;
    let (plan, clock) = at_standing_clock(&sink, database).await;
    let app = plan.start().await;
    let (user, owner) = (app.grpc().registered().await, app.grpc().registered().await);
    let change = async |new: &str| {
        for (to, purpose) in [
            (new, MailPurpose::EmailChange),
            (user.email.as_str(), MailPurpose::EmailChangeRequested),
        ] {
            super::ask_by(&app.db, to, purpose, &user.id, clock.now()).await;
        }
    };
    let new = email();
    change(&new).await;
    let mut mails = sink.await_mails(2).await;
    mails.sort_by_key(|mail| mail.to != new);
    assert_eq!((&mails[0].to, &mails[1].to), (&new, &user.email));
    let prefix = vestibule::domain::EmailChangeKind::PREFIX;
    assert!(mails[0].token().starts_with(prefix));
    assert_eq!(
        mails[1].header("Subject"),
        "Your e-mail address is about to change"
    );
    assert!(
        !mails[1].data.contains(&new),
        "what somebody typed is not mailed"
    );

    clock.advance(Duration::from_mins(1));
    change(&owner.email).await;
    let mails = sink.await_mails(4).await;
    let warned = mails[2..]
        .iter()
        .find(|mail| mail.to == owner.email)
        .unwrap();
    assert!(!warned.data.contains("#token="), "{}", warned.data);
    let asked = events_of(&[EventKind::EmailChangeRequested]);
    eventually("both requests are events", async || {
        app.store.rows(&asked).await == 2
    })
    .await;
    let who = format!("(SELECT DISTINCT user_id FROM {asked}) AS who");
    assert_eq!(app.store.rows(&who).await, 1, "of the user who asked");

    clock.advance(Duration::from_mins(1));
    sink.behave(|manners| manners.away = true);
    let late = email();
    change(&late).await;
    await_postponed(&app, &clock, 1, 2).await;
    app.end_sessions(&user.id).await.unwrap();
    sink.behave(|manners| manners.away = false);
    clock.advance(Duration::from_mins(2));
    eventually("nothing waits", async || waits(&app).await == 0).await;
    let mails = sink.mails();
    assert!(mails.iter().all(|mail| mail.to != late));
    assert_eq!(mails.len(), 5, "the notice is sent all the same");
}
