//! Mail: who gets it, how, and what happens when it cannot be sent. The mail server is a real one in
//! the process of the tests.

mod bombing;
mod dialogue;
mod failures;
mod queue;
mod terminal;
mod voided;

use std::time::Duration;

use tokio::time::Instant;
use vestibule::{
    db::{Db, MailRequest, Queued},
    domain::{Clock, MailPurpose, Timestamp, UserId},
    mail::SmtpTls,
};

use crate::harness::{
    Database, EventKind, PASSWORD, Plan, Server, Sink, email, events_of, eventually, mail_request,
};

on_both_databases!(
    a_reset_goes_to_the_address_on_the_row_by_both_ways_of_tls,
    nobody_who_may_not_log_in_gets_mail,
);

/// Nothing here takes that long.
const LIMIT: Duration = Duration::from_secs(30);

/// Asks for mail as a call does, at an instant.
async fn ask_at(db: &Db, address: &str, purpose: MailPurpose, now: Timestamp) -> Queued {
    let request = mail_request(address, purpose, now);
    let deadline = Instant::now() + LIMIT;
    db.request_mail(request, 1_000, deadline).await.unwrap()
}

/// Asks for mail as a user does who was proven.
async fn ask_by(db: &Db, address: &str, purpose: MailPurpose, user: &str, now: Timestamp) {
    let request = MailRequest {
        by: Some(UserId::parse(user).unwrap()),
        ..mail_request(address, purpose, now)
    };
    let deadline = Instant::now() + LIMIT;
    let queued = db.request_mail(request, 1_000, deadline).await.unwrap();
    assert_eq!(queued, Queued::Yes);
}

/// Asks for a reset now.
async fn ask(db: &Db, address: &str) {
    let now = Clock::system().now();
    let queued = ask_at(db, address, MailPurpose::PasswordReset, now).await;
    assert_eq!(queued, Queued::Yes);
}

/// A plan that sends mail to a sink.
async fn sending_to(sink: &Sink, database: Database) -> Plan {
    let delivery = sink.delivery();
    Server::on(database)
        .await
        .settings(|settings| settings.mail = delivery)
}

async fn a_reset_goes_to_the_address_on_the_row_by_both_ways_of_tls(database: Database) {
    for tls in [SmtpTls::Implicit, SmtpTls::Starttls] {
        let sink = Sink::start(tls).await;
        let app = sending_to(&sink, database).await.start().await;
        app.grpc()
            .register("Canary.Ada@Bücher.example", PASSWORD)
            .await
            .unwrap();
        ask(&app.db, "CANARY.ada@xn--bcher-kva.example").await;
        let mails = sink.await_mails(1).await;
        let mail = &mails[0];
        assert_eq!(mail.to, "Canary.Ada@xn--bcher-kva.example");
        assert!(mail.proven, "encrypted, and the mailer logged in");
        assert_eq!(mail.header("To"), "Canary.Ada@xn--bcher-kva.example");
        assert_eq!(mail.header("From"), "Vestibule <accounts@example.com>");
        assert_eq!(mail.header("Subject"), "Reset your password");
        assert!(mail.token().starts_with("vrt_"), "{}", mail.data);
        assert!(
            !mail.data.contains("CANARY"),
            "what was typed is not mailed"
        );
    }
}

async fn nobody_who_may_not_log_in_gets_mail(database: Database) {
    let sink = Sink::start(SmtpTls::Starttls).await;
    let app = sending_to(&sink, database).await.start().await;
    let disabled = app.grpc().registered().await;
    app.disable(&disabled.id).await;
    let known = app.grpc().registered().await;
    ask(&app.db, &email()).await;
    ask(&app.db, &disabled.email).await;
    ask(&app.db, &known.email).await;
    eventually("nothing waits", async || {
        app.store
            .rows("mail_intents WHERE next_try IS NOT NULL")
            .await
            == 0
    })
    .await;
    let mails = sink.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].to, known.email);
    assert_eq!(app.store.rows("one_time_tokens").await, 1);
    assert_eq!(
        app.store
            .rows(&events_of(&[EventKind::PasswordResetRequested]))
            .await,
        1
    );
}
