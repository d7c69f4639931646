//! The whole way by mail: asked for by anybody, told to the mailbox alone.

use std::collections::HashSet;

use tonic::{Code, Request};
use vestibule::{
    mail::SmtpTls,
    proto::v1::{RequestEmailVerificationRequest, RequestPasswordResetRequest},
};

use super::{NEW, opens};
use crate::harness::{Database, HashGate, PASSWORD, Server, Sink, email, figure};

on_both_databases!(
    asking_answers_the_same_and_does_the_same_for_everybody,
    a_password_is_reset_by_mail,
    an_address_is_proven_by_mail,
    an_address_is_changed_by_mail_and_the_old_one_is_told,
    an_address_that_is_taken_is_told_to_its_owner_alone,
);

async fn mailing(database: Database) -> (Server, Sink) {
    let sink = Sink::start(SmtpTls::Implicit).await;
    let delivery = sink.delivery();
    let plan = Server::on(database).await;
    let app = plan.settings(|settings| settings.mail = delivery);
    (app.start().await, sink)
}

/// (E4) The same bytes, one row each and no hash, for an address that is a user's, a disabled user's
/// and nobody's. That the statement is one and the same for all is `Db::request_mail`'s to keep: it
/// takes no user.
async fn asking_answers_the_same_and_does_the_same_for_everybody(database: Database) {
    let gate = HashGate::opened();
    let app = Server::on(database).await.hash_gate(&gate).start().await;
    let (known, disabled) = (app.owner().await, app.owner().await);
    app.disable(&disabled.id).await;
    let hashes = gate.started();
    let mut answers = HashSet::new();
    let mut asked = 0;
    for address in [known.email.clone(), disabled.email, email()] {
        let reset = RequestPasswordResetRequest {
            email: address.clone(),
            client: None,
        };
        let verification = RequestEmailVerificationRequest {
            email: address,
            client: None,
        };
        // The second is one too many, which nobody is told.
        for _ in 0..2 {
            for reply in [
                app.wire()
                    .ask("AccountService/RequestPasswordReset", &reset)
                    .await,
                app.wire()
                    .ask("AccountService/RequestEmailVerification", &verification)
                    .await,
            ] {
                assert_eq!(reply.code(), Code::Ok);
                answers.insert(reply.visible());
            }
        }
        asked += 2;
        assert_eq!(app.store.rows("mail_intents").await, asked);
    }
    assert_eq!(answers.len(), 1, "{answers:#?}");
    assert_eq!(gate.started(), hashes);
    assert_eq!(app.store.rows("one_time_tokens").await, 0);
    figure("E4", "forgot: 1 answer, 0 hashes, 1 row for each address");
}

/// (A5) No link is built from what a request says of its host.
async fn a_password_is_reset_by_mail(database: Database) {
    let (app, sink) = mailing(database).await;
    let owner = app.owner().await;
    let mut request = Request::new(RequestPasswordResetRequest {
        email: owner.email.to_uppercase(),
        client: None,
    });
    for name in ["x-forwarded-host", "x-forwarded-proto", "forwarded"] {
        let evil = "host=evil.example".parse().unwrap();
        request.metadata_mut().insert(name, evil);
    }
    app.account().ask_for_reset(request).await.unwrap();
    let mail = sink.await_mails(1).await.remove(0);
    assert_eq!(mail.to, owner.email);
    assert!(!mail.data.contains("evil"), "{}", mail.data);
    let token = mail.token();
    app.account().reset_password(&token, NEW).await.unwrap();
    assert!(opens(&app, &owner.email, NEW).await);
    let verified = app.stored(&owner.email).await.email_verified_at;
    assert!(verified.is_some(), "the mail arrived");
}

async fn an_address_is_proven_by_mail(database: Database) {
    let (app, sink) = mailing(database).await;
    let owner = app.owner().await;
    let asked = app.account().request_email_verification(&owner.email).await;
    asked.unwrap();
    let token = sink.await_mails(1).await[0].token();
    app.account().verify_email(&token).await.unwrap();
    let user = app.account().get(&owner.token).await.unwrap();
    assert!(user.email_verified_at.is_some());
}

/// At the request and at the completion.
async fn an_address_is_changed_by_mail_and_the_old_one_is_told(database: Database) {
    let (app, sink) = mailing(database).await;
    let (owner, new) = (app.owner().await, email());
    let account = app.account();
    let asked = account.request_email_change(&owner.token, PASSWORD, &new);
    asked.await.unwrap();
    let mails = sink.await_mails(2).await;
    let to = |address: &str| mails.iter().find(|mail| mail.to == address).unwrap();
    let subject = to(&owner.email).header("Subject");
    assert_eq!(subject, "Your e-mail address is about to change");
    let token = to(&new).token();

    account.confirm_email_change(&token).await.unwrap();
    assert!(opens(&app, &new, PASSWORD).await);
    let told = &sink.await_mails(3).await[2];
    assert_eq!(told.to, owner.email);
    assert_eq!(told.header("Subject"), "Your e-mail address was changed");
}

/// Whoever asks gets the answer that they get for an address that is free.
async fn an_address_that_is_taken_is_told_to_its_owner_alone(database: Database) {
    let (app, sink) = mailing(database).await;
    let (owner, other) = (app.owner().await, app.owner().await);
    let account = app.account();
    let asked = account.request_email_change(&owner.token, PASSWORD, &other.email);
    asked.await.unwrap();
    let mails = sink.await_mails(2).await;
    let told = mails.iter().find(|mail| mail.to == other.email).unwrap();
    assert!(!told.data.contains("#token="), "{}", told.data);
    assert_eq!(app.store.rows("one_time_tokens").await, 0);
}
