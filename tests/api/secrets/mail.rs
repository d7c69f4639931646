//! The token of a mail: whoever reads the mail has it, and nobody who reads the database.

use std::{fs, time::Duration};

use tokio::time::Instant;
use vestibule::{
    db::Db,
    domain::{Clock, MailPurpose},
    mail::SmtpTls,
};

use super::leftovers::{WriteAheadLog, look_through_columns, needles_of};
use crate::harness::{Database, LOGIN, ServerProcess, Sink, Store, eventually, mail_request};

on_both_databases!(a_mailed_token_is_in_no_file_of_the_database_even_after_a_crash);

/// (L1) The binary at TRACE dies by kill -9 after a request whose mail could not be sent yet; the
/// next one sends it.
async fn a_mailed_token_is_in_no_file_of_the_database_even_after_a_crash(database: Database) {
    let sink = Sink::start(SmtpTls::Starttls).await;
    sink.behave(|manners| manners.away = true);
    let folder = tempfile::tempdir().unwrap();
    let (authority, password) = (folder.path().join("ca.pem"), folder.path().join("password"));
    fs::write(&authority, &sink.authority).unwrap();
    fs::write(&password, LOGIN[1]).unwrap();
    let store = Store::empty(database).await;
    let wal = WriteAheadLog::begin(&store, database).await;
    let server = format!("localhost:{}", sink.address.port());
    let variables = [
        ("VESTIBULE_SMTP_SERVER", server.as_str()),
        ("VESTIBULE_SMTP_TLS", "starttls"),
        ("VESTIBULE_SMTP_CA", authority.to_str().unwrap()),
        ("VESTIBULE_SMTP_USERNAME", LOGIN[0]),
        ("VESTIBULE_SMTP_PASSWORD_FILE", password.to_str().unwrap()),
        ("VESTIBULE_MAIL_FROM", "Vestibule <accounts@example.com>"),
        ("VESTIBULE_MAIL_LINK_BASE", "https://app.example.com"),
    ];
    let mut service = ServerProcess::start(&store, &["--log-level", "trace"], &variables);
    service.await_ready().await;
    let user = service.grpc().registered().await;
    request_reset(&store, &user.email).await;
    let soon = Clock::system().now() + Duration::from_mins(1);
    let postponed = format!(
        "mail_intents WHERE attempts > 0 AND next_try < {}",
        soon.timestamp_micros()
    );
    eventually("it was tried", async || store.rows(&postponed).await == 1).await;
    service.crash_and_start_again().await;
    sink.behave(|manners| manners.away = false);

    let mail = sink.await_mails(1).await.remove(0);
    assert_eq!(mail.to, user.email);
    assert!(mail.proven);
    let tokens = [mail.token()];
    eventually("that it was sent is known", async || {
        store.rows("mail_intents WHERE next_try IS NULL").await == 1
    })
    .await;
    look_through_columns(&store, database, &tokens).await;
    wal.look_through(&store, &tokens).await;
    service.signal("INT").await;
    let ended = service.finish().await;
    assert_eq!(ended.code(), Some(0), "{}", ended.output);
    wal.look_through(&store, &tokens).await;
    let mut needles = needles_of(&tokens);
    needles.extend(["canary".into(), "vrt_".into()]);
    for line in ended.output.lines() {
        let found = needles.iter().find(|needle| line.contains(*needle));
        assert!(found.is_none(), "{found:?} in {line}");
    }
}

async fn request_reset(store: &Store, address: &str) {
    let db = Db::open(&store.settings()).unwrap();
    let now = Clock::system().now();
    let request = mail_request(address, MailPurpose::PasswordReset, now);
    let deadline = Instant::now() + Duration::from_secs(10);
    let _ = db.request_mail(request, 1_000, deadline).await.unwrap();
}
