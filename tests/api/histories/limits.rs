//! How often and how many at once: there is always a mail with a token that works, and never two changes
//! of address under way.

use std::time::Duration;

use futures_util::future::join_all;
use tonic::Code;
use vestibule::{domain::TokenPurpose, proto::v1::verify_email_request::Proof};

use super::{Town, assert_refused};
use crate::harness::{
    Database, HashGate, Issue, PASSWORD, Server, email, eventually, figure, phrase, scale,
};

on_both_databases!(
    after_five_mails_there_is_one_as_long_as_a_token_lives,
    of_many_changes_requested_at_once_one_is_under_way,
    a_proof_that_lapses_while_it_is_checked_is_none,
);

impl Town {
    /// Waits until what was requested was sent.
    async fn settled(&self) {
        let now = self.clock.now();
        eventually("no mail waits", async || {
            self.app.mail_waiting(now).await.waiting == 0
        })
        .await;
    }

    /// The tokens that were mailed to an address.
    fn tokens(&self, to: &str) -> Vec<String> {
        let mails = self.sink.mails().into_iter().filter(|mail| mail.to == to);
        let mails = mails.filter(|mail| mail.data.contains("#token="));
        mails.map(|mail| mail.token()).collect()
    }
}

/// (A5) Requested every half minute, for 90 minutes in CI and a day for the scorecard. The newest token
/// works at the end.
async fn after_five_mails_there_is_one_as_long_as_a_token_lives(town: Town) {
    let owner = town.app.owner().await;
    let account = town.app.account();
    let step = Duration::from_secs(30);
    let (mut sent, mut last, mut longest) = (0, 0, 0);
    for now in 0..scale(180, 2_880) {
        account.request_password_reset(&owner.email).await.unwrap();
        town.settled().await;
        let mails = town.tokens(&owner.email).len();
        if mails > sent {
            longest = longest.max(now - last);
            (sent, last) = (mails, now);
        }
        town.clock.advance(step);
    }
    // The token of a reset lives ten minutes.
    assert_eq!(longest, 20, "steps of {step:?}");
    let newest = town.tokens(&owner.email).pop().unwrap();
    account.reset_password(&newest, &phrase()).await.unwrap();
    figure("A5", format_args!("{sent} mails, 10 min apart at most"));
}

/// (A6) 10 in CI, 50 for the scorecard, by two sessions: the user's budget allows six, and of the tokens
/// that are mailed one is good.
async fn of_many_changes_requested_at_once_one_is_under_way(town: Town) {
    let owner = town.app.owner().await;
    let account = town.app.account();
    let sessions = [owner.token.clone(), town.app.session_of(&owner.email).await];
    let new: Vec<String> = (0..scale(10, 50)).map(|_| email()).collect();
    let requests = new
        .iter()
        .enumerate()
        .map(|(number, new)| account.request_email_change(&sessions[number % 2], PASSWORD, new));
    let asked = join_all(requests).await;
    assert_eq!(asked.iter().filter(|one| one.is_ok()).count(), 6);
    town.settled().await;
    let tokens: Vec<_> = new.iter().flat_map(|new| town.tokens(new)).collect();
    let confirmed = tokens
        .iter()
        .map(|token| account.confirm_email_change(token));
    let confirmed = join_all(confirmed).await;
    assert_eq!(confirmed.iter().filter(|one| one.is_ok()).count(), 1);
}

/// (A5) The password is replaced while the old one is verified; the token is not used up.
async fn a_proof_that_lapses_while_it_is_checked_is_none(database: Database) {
    let gate = HashGate::opened();
    let app = Server::on(database).await.hash_gate(&gate).start().await;
    let owner = app.owner().await;
    let issue = Issue::of(TokenPurpose::EmailVerification);
    let token = app.issue(&owner.email, issue).await;
    gate.hold_next();
    let held = tokio::spawn({
        let (account, proof) = (app.account(), Proof::Password(PASSWORD.to_owned()));
        async move { account.verify_email_with(&token, Some(proof)).await }
    });
    gate.await_held(1).await;
    app.store
        .execute("UPDATE users SET hashed_password = NULL")
        .await;
    gate.open();
    assert_refused(
        held.await.unwrap(),
        Code::Unauthenticated,
        "BAD_CREDENTIALS",
    );
    assert!(app.stored(&owner.email).await.email_verified_at.is_none());
    let unused = "one_time_tokens WHERE redeemed_at IS NULL";
    assert_eq!(app.store.rows(unused).await, 1);
}
