//! What stays open to the owner of an account that somebody else guesses at.

use vestibule::domain::TokenPurpose;

use super::*;
use crate::harness::Issue;

on_both_databases!(
    a_known_source_logs_in_while_others_guess,
    a_known_source_has_an_allowance_of_its_own,
    what_opens_an_account_opens_it_for_its_known_sources,
    a_source_is_known_for_thirty_days,
    a_reset_opens_a_throttled_account,
    a_session_proves_the_password_again_and_opens_the_account,
    an_operator_and_a_caller_open_an_account,
);

const HOME: &str = "192.0.2.10";

impl Guarded {
    /// A user who logged in at home a moment ago.
    async fn at_home(&self) -> TestUser {
        let owner = self.app.owner().await;
        assert_eq!(self.at(HOME, &owner.email, PASSWORD).await, Ok(true));
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        self.app.auth.write_known_sources(deadline).await.unwrap();
        owner
    }

    async fn at(&self, ip: &str, email: &str, password: &str) -> Result<bool, Fault> {
        tries(&self.app.grpc(), email, password, ip).await
    }
}

/// (T4) 50 sources guess without a pause, and the owner logs in 40 times, of 400 for the scorecard.
async fn a_known_source_logs_in_while_others_guess(database: Database) {
    let guarded = Guarded::on(database).await;
    let owner = guarded.at_home().await;
    let mut guessing = tokio::task::JoinSet::new();
    for number in 0..50 {
        let (client, address) = (guarded.app.another_grpc(), owner.email.clone());
        guessing.spawn(async move {
            let from = format!("198.51.100.{number}");
            loop {
                let guess = tries(&client, &address, WRONG, &from).await;
                assert!(guess.is_err() || guess == Ok(false));
            }
        });
    }
    let (logins, mut right) = (scale(40, 400), 0);
    for _ in 0..logins {
        let login = guarded.at(HOME, &owner.email, PASSWORD).await;
        right += usize::from(login == Ok(true));
    }
    guessing.abort_all();
    figure(
        "T4",
        format_args!("{right} of {logins} logins of the owner succeed"),
    );
    assert!(right * 100 >= logins * 95);
}

async fn a_known_source_has_an_allowance_of_its_own(database: Database) {
    let guarded = Guarded::on(database).await;
    let owner = guarded.at_home().await;
    guarded.fail_a_hundred_times(&owner.email).await;
    throttled(guarded.tries(&owner.email, PASSWORD).await);
    for _ in 0..5 {
        assert_eq!(guarded.at(HOME, &owner.email, WRONG).await, Ok(false));
    }
    let wait = throttled(guarded.at(HOME, &owner.email, PASSWORD).await);
    assert_eq!(wait, Duration::from_secs(1));
    guarded.wait(1);
    assert_eq!(guarded.at(HOME, &owner.email, PASSWORD).await, Ok(true));
    assert_eq!(
        guarded.tries(&owner.email, PASSWORD).await,
        Ok(true),
        "opened"
    );
}

/// Whoever sits where the owner does can use up the source's allowance; what opens the account opens it
/// there too.
async fn what_opens_an_account_opens_it_for_its_known_sources(database: Database) {
    let guarded = Guarded::on(database).await;
    let owner = guarded.at_home().await;
    let desk = guarded.app.users().await;
    for _ in 0..100 {
        assert_eq!(guarded.at(HOME, &owner.email, WRONG).await, Ok(false));
        guarded.wait(900);
    }
    throttled(guarded.at(HOME, &owner.email, PASSWORD).await);
    guarded.wait(1);
    desk.clear_throttle(&owner.id).await.unwrap();
    guarded.wait(1);
    for _ in 0..4 {
        assert_eq!(guarded.at(HOME, &owner.email, WRONG).await, Ok(false));
    }
    assert_eq!(guarded.at(HOME, &owner.email, PASSWORD).await, Ok(true));
}

async fn a_source_is_known_for_thirty_days(database: Database) {
    const DAY: u64 = 24 * 3_600;
    let guarded = Guarded::on(database).await;
    let owner = guarded.at_home().await;
    guarded.fail_a_hundred_times(&owner.email).await;
    guarded.wait(28 * DAY);
    assert_eq!(guarded.at(HOME, &owner.email, WRONG).await, Ok(false));
    guarded.wait(DAY);
    throttled(guarded.at(HOME, &owner.email, PASSWORD).await);
    throttled(guarded.at("192.0.2.11", &owner.email, PASSWORD).await);
}

/// The mailed token is proof enough, also of an account that nobody new may try.
async fn a_reset_opens_a_throttled_account(database: Database) {
    let guarded = Guarded::on(database).await;
    let owner = guarded.app.owner().await;
    guarded.fail_a_hundred_times(&owner.email).await;
    let issue = Issue {
        at: guarded.clock.now(),
        ..Issue::of(TokenPurpose::PasswordReset)
    };
    let reset = guarded.app.issue(&owner.email, issue).await;
    let new = "a sparrow sings at eleven";
    guarded
        .app
        .account()
        .reset_password(&reset, new)
        .await
        .unwrap();
    assert_eq!(guarded.tries(&owner.email, new).await, Ok(true));
}

async fn a_session_proves_the_password_again_and_opens_the_account(database: Database) {
    let guarded = Guarded::on(database).await;
    let owner = guarded.app.owner().await;
    guarded.fail_a_hundred_times(&owner.email).await;
    let account = guarded.app.account();
    let wrong = account.reauthenticate(&owner.token, WRONG).await;
    assert_eq!(Fault::of(&wrong.unwrap_err()).reason, "BAD_CREDENTIALS");
    throttled(guarded.tries(&owner.email, PASSWORD).await);
    account
        .reauthenticate(&owner.token, PASSWORD)
        .await
        .unwrap();
    assert_eq!(guarded.tries(&owner.email, PASSWORD).await, Ok(true));
}

async fn an_operator_and_a_caller_open_an_account(database: Database) {
    let guarded = Guarded::on(database).await;
    let owner = guarded.app.owner().await;
    guarded.fail_a_hundred_times(&owner.email).await;
    let desk = guarded.app.users().await;
    desk.clear_throttle(&owner.id).await.unwrap();
    assert_eq!(guarded.tries(&owner.email, PASSWORD).await, Ok(true));
    let unknown = desk
        .clear_throttle("018c2e65-4b7e-7cc3-98c4-dc0c0c07398f")
        .await;
    assert_eq!(Fault::of(&unknown.unwrap_err()).reason, "USER_NOT_FOUND");
    let kind = events_of(&[EventKind::ThrottleCleared]);
    let events = format!("SELECT caller AS text FROM {kind}");
    assert_eq!(guarded.app.store.texts(&events).await.len(), 1);
}
