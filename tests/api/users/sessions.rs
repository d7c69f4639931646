//! Sessions and password resets as callers ask for them, and the ends of sessions.

use std::time::{Duration, SystemTime};

use prost::Message;
use prost_types::Timestamp;
use vestibule::{
    domain::SessionToken,
    proto::v1::{
        AuthenticationMethod, ClientInfo, CreateSessionForUserRequest, ListUserSessionsRequest,
        Session, SessionStatus, create_password_reset_request, create_session_for_user_request,
        revoke_user_sessions_request::Sessions,
    },
};

use super::{NEW, NOBODY, assert_disabled, assert_invalid, assert_nobody};
use crate::harness::{PASSWORD, TestApp, Users, email};

on_both_databases!(
    a_caller_opens_a_session_for_a_user,
    whom_no_session_can_be_opened_for_is_told,
    a_reset_that_a_caller_makes_sets_a_password_and_proves_no_address,
    the_list_holds_live_sessions_and_no_secret,
    lists_of_sessions_are_paged,
    all_sessions_end,
    all_sessions_but_one_end,
    one_session_ends_and_only_its_users,
    sessions_end_by_when_their_user_proved_who_they_are,
    an_end_that_names_nothing_is_a_fault,
);

async fn a_caller_opens_a_session_for_a_user(app: TestApp) {
    let (users, user) = (app.users().await, app.grpc().registered().await);
    let client = ClientInfo {
        ip: "192.0.2.7".into(),
        user_agent: "desk".into(),
    };
    for named in [
        create_session_for_user_request::User::UserId(user.id.clone()),
        create_session_for_user_request::User::Email(user.email.to_uppercase()),
    ] {
        let request = CreateSessionForUserRequest {
            user: Some(named),
            client: Some(client.clone()),
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

async fn whom_no_session_can_be_opened_for_is_told(app: TestApp) {
    let (users, user) = (app.users().await, app.grpc().registered().await);
    assert_nobody(users.open_for(NOBODY).await, NOBODY);
    let by_email = CreateSessionForUserRequest {
        user: Some(create_session_for_user_request::User::Email(email())),
        client: None,
    };
    assert_nobody(users.open(by_email).await, "");
    users.disable(&user.id).await.unwrap();
    assert_disabled(users.open_for(&user.id).await, &user.id);
    assert_eq!(app.store.rows("sessions").await, 0);
    let faulty = CreateSessionForUserRequest {
        user: None,
        client: Some(ClientInfo {
            ip: "localhost".into(),
            user_agent: String::new(),
        }),
    };
    let faults = [("user", "INVALID_FIELD"), ("client.ip", "INVALID_FIELD")];
    assert_invalid(users.open(faulty).await, &faults);
}

async fn a_reset_that_a_caller_makes_sets_a_password_and_proves_no_address(app: TestApp) {
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

async fn the_list_holds_live_sessions_and_no_secret(app: TestApp) {
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

async fn lists_of_sessions_are_paged(app: TestApp) {
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

/// Three sessions of a user, and whether each lives.
async fn three(app: &TestApp) -> (Users, String, [String; 3]) {
    let (users, owner) = (app.users().await, app.owner().await);
    let more = [
        app.session_of(&owner.email).await,
        app.session_of(&owner.email).await,
    ];
    let [second, third] = more;
    (users, owner.id, [owner.token, second, third])
}

async fn live(app: &TestApp, tokens: &[String; 3]) -> [bool; 3] {
    let mut live = [false; 3];
    for (live, token) in live.iter_mut().zip(tokens) {
        *live = app.grpc().verdict(token).await == SessionStatus::Active;
    }
    live
}

fn id_of(token: &str) -> String {
    SessionToken::parse(token).unwrap().id().to_string()
}

async fn all_sessions_end(app: TestApp) {
    let (users, id, tokens) = three(&app).await;
    let other = app.owner().await;
    users.revoke(&id, Sessions::All(true)).await.unwrap();
    assert_eq!(live(&app, &tokens).await, [false; 3]);
    assert!(users.sessions(&id).await.unwrap().is_empty());
    assert_eq!(
        app.grpc().verdict(&other.token).await,
        SessionStatus::Active
    );
    assert_eq!(app.store.rows("events WHERE kind = 6").await, 1);
    users.revoke(&id, Sessions::All(true)).await.unwrap();
    assert_nobody(users.revoke(NOBODY, Sessions::All(true)).await, NOBODY);
}

async fn all_sessions_but_one_end(app: TestApp) {
    let (users, id, tokens) = three(&app).await;
    let kept = Sessions::ExceptSessionId(id_of(&tokens[1]));
    users.revoke(&id, kept.clone()).await.unwrap();
    assert_eq!(live(&app, &tokens).await, [false, true, false]);
    users.revoke(&id, kept).await.unwrap();
    assert_eq!(live(&app, &tokens).await, [false, true, false]);
    // One that has ended does not come back, and another user's keeps nothing alive.
    let other = app.owner().await;
    users
        .revoke(&id, Sessions::ExceptSessionId(id_of(&tokens[0])))
        .await
        .unwrap();
    assert_eq!(live(&app, &tokens).await, [false; 3]);
    users
        .revoke(&id, Sessions::ExceptSessionId(id_of(&other.token)))
        .await
        .unwrap();
    assert_eq!(
        app.grpc().verdict(&other.token).await,
        SessionStatus::Active
    );
    assert_eq!(users.sessions(&other.id).await.unwrap().len(), 1);
}

async fn one_session_ends_and_only_its_users(app: TestApp) {
    let (users, id, tokens) = three(&app).await;
    let other = app.owner().await;
    for _ in 0..2 {
        let one = Sessions::SessionId(id_of(&tokens[1]));
        users.revoke(&id, one).await.unwrap();
        assert_eq!(live(&app, &tokens).await, [true, false, true]);
    }
    users
        .revoke(&id, Sessions::SessionId(id_of(&other.token)))
        .await
        .unwrap();
    users
        .revoke(&id, Sessions::SessionId(NOBODY.into()))
        .await
        .unwrap();
    assert_eq!(
        app.grpc().verdict(&other.token).await,
        SessionStatus::Active
    );
    assert_eq!(app.store.rows("events WHERE kind = 5").await, 1);
    let nobody = users
        .revoke(NOBODY, Sessions::SessionId(id_of(&tokens[0])))
        .await;
    assert_nobody(nobody, NOBODY);
    assert_eq!(live(&app, &tokens).await, [true, false, true]);
}

async fn sessions_end_by_when_their_user_proved_who_they_are(app: TestApp) {
    let (users, id, tokens) = three(&app).await;
    let second = app
        .grpc()
        .validate(&tokens[1])
        .await
        .unwrap()
        .session
        .unwrap();
    let proved = second.authenticated_at.unwrap();
    // At that instant is not before it.
    users
        .revoke(&id, Sessions::IssuedBefore(proved))
        .await
        .unwrap();
    assert_eq!(live(&app, &tokens).await, [false, true, true]);
    let just_after = Timestamp {
        nanos: proved.nanos + 1,
        ..proved
    };
    users
        .revoke(&id, Sessions::IssuedBefore(just_after))
        .await
        .unwrap();
    assert_eq!(live(&app, &tokens).await, [false, false, true]);

    let future = Timestamp::from(SystemTime::now() + Duration::from_mins(1));
    let refused = users.revoke(&id, Sessions::IssuedBefore(future)).await;
    assert_invalid(refused, &[("issued_before", "INVALID_FIELD")]);
    assert_eq!(live(&app, &tokens).await, [false, false, true]);
    let now = Timestamp::from(SystemTime::now());
    users
        .revoke(&id, Sessions::IssuedBefore(now))
        .await
        .unwrap();
    assert_eq!(live(&app, &tokens).await, [false; 3]);
}

async fn an_end_that_names_nothing_is_a_fault(app: TestApp) {
    let (users, id, tokens) = three(&app).await;
    let instant = |seconds, nanos| Sessions::IssuedBefore(Timestamp { seconds, nanos });
    for (faulty, field) in [
        (Sessions::All(false), "all"),
        (Sessions::SessionId(String::new()), "session_id"),
        (Sessions::ExceptSessionId("x".into()), "except_session_id"),
        (instant(0, -1), "issued_before"),
        (instant(0, 1_000_000_000), "issued_before"),
        (instant(i64::MAX, 0), "issued_before"),
        (instant(i64::MIN, 0), "issued_before"),
    ] {
        let refused = users.revoke(&id, faulty).await;
        assert_invalid(refused, &[(field, "INVALID_FIELD")]);
    }
    assert_eq!(live(&app, &tokens).await, [true; 3]);
}
