//! Sessions and password resets as callers ask for them.

use std::time::{Duration, SystemTime};

use prost::Message;
use vestibule::{
    domain::SessionToken,
    proto::v1::{
        AuthenticationMethod, ClientInfo, CreateSessionForUserRequest, ListUserSessionsRequest,
        Session, SessionStatus, UpdateUserRequest, create_password_reset_request,
        create_session_for_user_request,
    },
};

use super::{NEW, NOBODY, assert_disabled, assert_invalid, assert_nobody};
use crate::harness::{PASSWORD, Server, email};

on_both_databases!(
    a_caller_opens_a_session_for_a_user,
    whom_no_session_can_be_opened_for_is_told,
    a_reset_that_a_caller_makes_sets_a_password_and_proves_no_address,
    the_list_holds_live_sessions_and_no_secret,
    lists_of_sessions_are_paged,
);

async fn a_caller_opens_a_session_for_a_user(app: Server) {
    let (users, user) = (app.users().await, app.grpc().registered().await);
    let client = ClientInfo {
        ip: "192.0.2.7".into(),
        user_agent: "desk".into(),
    };
    let verified = UpdateUserRequest {
        user_id: user.id,
        email_verified: Some(true),
        ..UpdateUserRequest::default()
    };
    let user = users.update(verified).await.unwrap();
    for named in [
        create_session_for_user_request::User::UserId(user.id.clone()),
        create_session_for_user_request::User::Email(user.email.to_uppercase()),
    ] {
        let request = CreateSessionForUserRequest {
            user: Some(named),
            client: Some(client.clone()),
            ..CreateSessionForUserRequest::default()
        };
        let opened = users.open(request).await.unwrap();
        let session = opened.session.unwrap();
        assert_eq!(session.methods, [i32::from(AuthenticationMethod::Caller)]);
        assert_eq!(session.client, Some(client.clone()));
        assert_eq!(opened.user, Some(user.clone()));
        let answer = app.grpc().validate(&opened.session_token).await.unwrap();
        assert_eq!(answer.status(), SessionStatus::Active);
        assert_eq!(answer.session, Some(session));
    }
    let by_password = app.grpc().open(&user.email, PASSWORD).await.unwrap();
    let methods = by_password.session.unwrap().methods;
    assert_eq!(methods, [i32::from(AuthenticationMethod::Password)]);
}

async fn whom_no_session_can_be_opened_for_is_told(app: Server) {
    let (users, user) = (app.users().await, app.grpc().registered().await);
    assert_nobody(users.open_for(NOBODY).await, NOBODY);
    let by_email = CreateSessionForUserRequest {
        user: Some(create_session_for_user_request::User::Email(email())),
        client: None,
        ..CreateSessionForUserRequest::default()
    };
    assert_nobody(users.open(by_email).await, "");
    users.disable(&user.id).await.unwrap();
    assert_disabled(users.open_for(&user.id).await, &user.id);
    assert_eq!(app.store.rows("sessions").await, 0);
    let wrong = CreateSessionForUserRequest {
        user: None,
        client: Some(ClientInfo {
            ip: "localhost".into(),
            user_agent: String::new(),
        }),
        ..CreateSessionForUserRequest::default()
    };
    assert_invalid(users.open(wrong).await, &[("user", "INVALID_FIELD")]);
}

async fn a_reset_that_a_caller_makes_sets_a_password_and_proves_no_address(app: Server) {
    let (users, owner) = (app.users().await, app.owner().await);
    let by_email = create_password_reset_request::User::Email(owner.email.to_uppercase());
    let other = users.reset(by_email).await.unwrap();
    let made = users.reset_for(&owner.id).await.unwrap();
    let ends: SystemTime = made.expires_at.unwrap().try_into().unwrap();
    let left = ends.duration_since(SystemTime::now()).unwrap();
    assert!(
        left <= Duration::from_mins(10) && left > Duration::from_mins(5),
        "{left:?}"
    );
    assert_eq!(app.store.rows("mail_intents").await, 0);

    app.account()
        .reset_password(&made.reset_token, NEW)
        .await
        .unwrap();
    assert!(app.grpc().is_valid(&owner.email, NEW).await);
    assert_eq!(
        app.grpc().verdict(&owner.token).await,
        SessionStatus::Revoked
    );
    let user = users.find(&owner.id).await.unwrap();
    assert_eq!(user.email_verified_at, None);
    // The first that is redeemed ends the others.
    assert!(
        app.account()
            .reset_password(&other.reset_token, PASSWORD)
            .await
            .is_err()
    );

    assert_nobody(users.reset_for(NOBODY).await, NOBODY);
    users.disable(&owner.id).await.unwrap();
    assert_disabled(users.reset_for(&owner.id).await, &owner.id);
}

fn ids(sessions: &[Session]) -> Vec<&str> {
    sessions.iter().map(|session| session.id.as_str()).collect()
}

async fn the_list_holds_live_sessions_and_no_secret(app: Server) {
    let (users, owner) = (app.users().await, app.owner().await);
    app.owner().await;
    let ended = app.session_of(&owner.email).await;
    app.grpc().revoke(&ended).await.unwrap();
    let expired = app.session_of(&owner.email).await;
    let expired = SessionToken::parse(&expired).unwrap().id().to_string();
    let by_id = match app.store.target {
        vestibule::db::Target::Sqlite(_) => format!("x'{}'", expired.replace('-', "")),
        vestibule::db::Target::Postgres { .. } => format!("'{expired}'"),
    };
    let expire = format!("UPDATE sessions SET expires_at = 1 WHERE id = {by_id}");
    app.store.execute(&expire).await;

    let listed = users.sessions(&owner.id).await.unwrap();
    let answer = app.grpc().validate(&owner.token).await.unwrap();
    assert_eq!(listed, [answer.session.unwrap()]);
    let bytes = listed[0].encode_to_vec();
    let token = SessionToken::parse(&owner.token).unwrap();
    let hash = token.secret_hash();
    for secret in [owner.token.as_bytes(), &hash.as_bytes()[..]] {
        assert!(bytes.windows(secret.len()).all(|window| window != secret));
    }
    assert_nobody(users.sessions(NOBODY).await, NOBODY);
}

async fn lists_of_sessions_are_paged(app: Server) {
    let (users, owner) = (app.users().await, app.owner().await);
    for _ in 0..4 {
        app.session_of(&owner.email).await;
    }
    let all = users.sessions(&owner.id).await.unwrap();
    assert!(ids(&all).is_sorted());
    let (mut paged, mut page_token) = (Vec::new(), String::new());
    for expected in [2, 2, 1] {
        let page = ListUserSessionsRequest {
            user_id: owner.id.clone(),
            page_size: 2,
            page_token,
        };
        let page = users.sessions_page(page).await.unwrap();
        assert_eq!(page.sessions.len(), expected);
        paged.extend(page.sessions);
        page_token = page.next_page_token;
    }
    assert_eq!((paged, page_token.as_str()), (all, ""));
}
