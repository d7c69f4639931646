//! Whoever took an account over gives it a second address and comes back to the first: the owner's way
//! back stays open.

use super::{CHANGED, MINUTE, Town, assert_token_invalid};
use crate::harness::{EventKind, PASSWORD, TestUser, email, events_of, phrase};

on_both_databases!(
    a_thiefs_own_way_back_does_not_close_the_owners,
    the_owners_mail_still_waits_when_the_thief_comes_back,
);

/// Gives the account an address; whoever has it opens a session.
async fn take_over(town: &Town, session: &str) -> TestUser {
    let theirs = email();
    let token = town.change_to(session, &theirs).await;
    let account = town.app.account();
    account.confirm_email_change(&token).await.unwrap();
    TestUser {
        id: town.app.stored(&theirs).await.id.to_string(),
        token: town.app.session_of(&theirs).await,
        email: theirs,
    }
}

/// Two addresses of the thief, and the first of them restored.
async fn there_and_back(town: &Town, owner: &TestUser) -> TestUser {
    let thief = take_over(town, &owner.token).await;
    town.clock.advance(MINUTE * 2);
    take_over(town, &thief.token).await;
    let own = town.mail(&thief.email, CHANGED, 1).await.token();
    let account = town.app.account();
    account.restore_email(&own, PASSWORD).await.unwrap();
    thief
}

async fn owner_comes_back(town: &Town, owner: &TestUser, way_back: &str) {
    let (account, new) = (town.app.account(), phrase());
    account.restore_email(way_back, &new).await.unwrap();
    let user = town.app.stored(&owner.email).await;
    assert_eq!(user.id.to_string(), owner.id);
    assert!(!town.app.grpc().is_valid(&owner.email, PASSWORD).await);
    assert!(town.app.grpc().is_valid(&owner.email, &new).await);
    assert_token_invalid(account.restore_email(way_back, PASSWORD).await);
    let restored = events_of(&[EventKind::EmailRestored]);
    assert_eq!(town.app.store.rows(&restored).await, 2);
}

/// (A5) (A7) And once the owner is back, the ways back to the thief's addresses are closed.
async fn a_thiefs_own_way_back_does_not_close_the_owners(town: Town) {
    let owner = town.verified_owner().await;
    let thief = there_and_back(&town, &owner).await;
    town.clock.advance(MINUTE * 2);
    let opened = town.app.session_of(&thief.email).await;
    let last = email();
    let token = town.change_to(&opened, &last).await;
    let account = town.app.account();
    account.confirm_email_change(&token).await.unwrap();
    let theirs = town.mail(&thief.email, CHANGED, 2).await.token();
    let way_back = town.mail(&owner.email, CHANGED, 1).await.token();
    owner_comes_back(&town, &owner, &way_back).await;
    assert_token_invalid(account.restore_email(&theirs, PASSWORD).await);
    assert!(town.app.grpc().open(&last, PASSWORD).await.is_err());
}

/// (A5) The mail server of the owner takes it later.
async fn the_owners_mail_still_waits_when_the_thief_comes_back(town: Town) {
    let owner = town.verified_owner().await;
    let later = (owner.email.clone(), "450 4.2.1 later");
    town.sink.behave(|manners| manners.refuses = Some(later));
    there_and_back(&town, &owner).await;
    town.sink.behave(|manners| manners.refuses = None);
    town.clock.advance(MINUTE * 10);
    let way_back = town.mail(&owner.email, CHANGED, 1).await.token();
    owner_comes_back(&town, &owner, &way_back).await;
}
