//! What is said between the mailer and a mail server.

use vestibule::{
    domain::{Clock, Email},
    mail::{MailContent, Mailer, SmtpTls},
};

use crate::harness::{Sink, email};

/// What a server says late belongs to the mail that was given up, whose recipient it takes after all.
#[tokio::test]
async fn a_dialogue_that_was_given_up_has_no_part_in_the_next_mail() {
    let sink = Sink::start(SmtpTls::Implicit).await;
    let mailer = Mailer::start(sink.delivery()).unwrap();
    let now = Clock::system().now();
    let deliver = async |to: &str| {
        let to = Email::parse(to).unwrap();
        mailer.deliver(&to, &MailContent::EmailChanged, now).await
    };
    let (given_up, next) = (email(), email());
    sink.behave(|manners| manners.stalls_at = Some("RCPT"));
    tokio::select! {
        outcome = deliver(&given_up) => panic!("the server said nothing: {outcome:?}"),
        () = sink.await_stalled() => {}
    }
    sink.behave(|manners| manners.stalls_at = None);
    deliver(&next).await.unwrap();
    let to: Vec<_> = sink.mails().into_iter().map(|mail| mail.to).collect();
    assert_eq!(to, [next]);
    assert_eq!(sink.connections(), 2, "none is used again");
}
