//! Finding one user.

use vestibule::proto::v1::{FindUserRequest, find_user_request::Key};

use super::{NOBODY, assert_invalid, assert_nobody};
use crate::harness::{Server, email};

on_both_databases!(
    a_user_is_found_by_id_address_and_session,
    who_is_not_there_is_told_by_id_alone,
    a_key_that_is_none_is_a_fault,
);

async fn a_user_is_found_by_id_address_and_session(app: Server) {
    let (users, owner) = (app.users().await, app.owner().await);
    app.owner().await;
    let session = app.grpc().validate(&owner.token).await.unwrap().session;
    let session = session.unwrap().id;
    app.grpc().revoke(&owner.token).await.unwrap();
    for key in [
        Key::Id(owner.id.clone()),
        Key::Email(owner.email.clone()),
        Key::Email(owner.email.to_uppercase()),
        Key::SessionId(session),
    ] {
        let found = users.find_by(key).await.unwrap();
        assert_eq!(
            (found.id, found.email),
            (owner.id.clone(), owner.email.clone())
        );
        assert_eq!(found.etag, "1");
    }
}

/// What was typed as an address is not repeated.
async fn who_is_not_there_is_told_by_id_alone(app: Server) {
    let users = app.users().await;
    assert_nobody(users.find(NOBODY).await, NOBODY);
    assert_nobody(users.find_by(Key::Email(email())).await, "");
    assert_nobody(users.find_by(Key::SessionId(NOBODY.into())).await, "");
    // REST tells nobody which.
    let reply = app.rest().get(&format!("/users/{NOBODY}")).await;
    assert!(!String::from_utf8_lossy(&reply.body).contains("vestibule.v1.User"));
}

async fn a_key_that_is_none_is_a_fault(app: Server) {
    let users = app.users().await;
    for id in ["", "x", &NOBODY.to_uppercase(), &format!("{{{NOBODY}}}")] {
        let invalid = users.find_by(Key::Id(id.into())).await;
        assert_invalid(invalid, &[("id", "INVALID_FIELD")]);
        let invalid = users.find_by(Key::SessionId(id.into())).await;
        assert_invalid(invalid, &[("session_id", "INVALID_FIELD")]);
    }
    let invalid = users.find_by(Key::Email("ada".into())).await;
    assert_invalid(invalid, &[("email", "INVALID_EMAIL")]);
    let none = FindUserRequest { key: None };
    assert_invalid(users.find_with(none).await, &[("key", "INVALID_FIELD")]);
}
