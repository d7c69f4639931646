//! Every path that checks a password counts for one account, and every one is closed with it.

use vestibule::{domain::TokenPurpose, proto::v1::verify_email_request::Proof};

use super::*;
use crate::harness::Issue;

on_both_databases!(
    every_path_to_a_password_is_closed_with_the_account,
    wrong_passwords_count_on_every_path,
);

/// (T5) gRPC and REST, whatever the path; a session's own limit of wrong passwords holds beside it.
async fn every_path_to_a_password_is_closed_with_the_account(database: Database) {
    let guarded = Guarded::on(database).await;
    let app = &guarded.app;
    let owner = app.owner().await;
    let verification = app
        .issue(&owner.email, Issue::of(TokenPurpose::EmailVerification))
        .await;
    guarded.fail_five_times(&owner.email).await;
    let before = guarded.hashes.started();

    let account = app.account();
    let token = &owner.token;
    throttled(guarded.tries(&owner.email, PASSWORD).await);
    throttled_status(app.grpc().open(&owner.email, PASSWORD).await);
    let new = "a sparrow sings at eleven";
    throttled_status(account.change_password(token, PASSWORD, new).await);
    throttled_status(
        account
            .request_email_change(token, PASSWORD, &email())
            .await,
    );
    throttled_status(account.close(token, PASSWORD).await);
    let proof = Some(Proof::Password(PASSWORD.into()));
    throttled_status(account.verify_email_with(&verification, proof).await);
    assert_eq!(guarded.hashes.started(), before, "nothing was hashed");

    assert_eq!(
        app.grpc().validate(token).await.unwrap().status,
        1,
        "still ACTIVE"
    );
    guarded.wait(1);
    account.change_password(token, PASSWORD, new).await.unwrap();
    assert_eq!(guarded.tries(&owner.email, new).await, Ok(true));
}

/// One wrong password on each of five paths; a registration's is the sixth.
async fn wrong_passwords_count_on_every_path(database: Database) {
    let guarded = Guarded::on(database).await;
    let app = &guarded.app;
    let address = email();
    let register = async |password| {
        let id = "018c2e65-4b7e-7cc3-98c4-dc0c0c07398f";
        let done = app.grpc().register_as(&address, password, id).await;
        done.map_err(|status| Fault::of(&status).reason)
    };
    register(PASSWORD).await.unwrap();
    let token = app.session_of(&address).await;
    let account = app.account();

    assert_eq!(register(WRONG).await.unwrap_err(), "REQUEST_ID_REUSED");
    assert!(app.grpc().open(&address, WRONG).await.is_err());
    assert_eq!(guarded.tries(&address, WRONG).await, Ok(false));
    let new = "a sparrow sings at eleven";
    assert!(account.change_password(&token, WRONG, new).await.is_err());
    assert!(account.reauthenticate(&token, WRONG).await.is_err());
    throttled(guarded.tries(&address, PASSWORD).await);
    assert_eq!(register(PASSWORD).await.unwrap_err(), "LOGIN_THROTTLED");
}
