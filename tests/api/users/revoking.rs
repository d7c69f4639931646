//! The ends of sessions, as callers ask for them.

use std::time::{Duration, SystemTime};

use prost_types::Timestamp;
use vestibule::{
    domain::SessionToken,
    proto::v1::{SessionStatus, revoke_user_sessions_request::Sessions},
};

use super::{NOBODY, assert_invalid, assert_nobody};
use crate::harness::{EventKind, Server, Users, events_of};

on_both_databases!(
    all_sessions_end,
    all_sessions_but_one_end,
    one_session_ends_and_only_its_users,
    sessions_end_by_when_their_user_proved_who_they_are,
    an_end_that_names_nothing_is_a_fault,
);

/// Three sessions of a user, and whether each lives.
async fn three(app: &Server) -> (Users, String, [String; 3]) {
    let (users, owner) = (app.users().await, app.owner().await);
    let more = [
        app.session_of(&owner.email).await,
        app.session_of(&owner.email).await,
    ];
    let [second, third] = more;
    (users, owner.id, [owner.token, second, third])
}

async fn live(app: &Server, tokens: &[String; 3]) -> [bool; 3] {
    let mut live = [false; 3];
    for (live, token) in live.iter_mut().zip(tokens) {
        *live = app.grpc().verdict(token).await == SessionStatus::Active;
    }
    live
}

fn id_of(token: &str) -> String {
    SessionToken::parse(token).unwrap().id().to_string()
}

async fn all_sessions_end(app: Server) {
    let (users, id, tokens) = three(&app).await;
    let other = app.owner().await;
    users.revoke(&id, Sessions::All(true)).await.unwrap();
    assert_eq!(live(&app, &tokens).await, [false; 3]);
    assert!(users.sessions(&id).await.unwrap().is_empty());
    assert_eq!(
        app.grpc().verdict(&other.token).await,
        SessionStatus::Active
    );
    assert_eq!(
        app.store
            .rows(&events_of(&[EventKind::SessionsRevoked]))
            .await,
        1
    );
    users.revoke(&id, Sessions::All(true)).await.unwrap();
    assert_nobody(users.revoke(NOBODY, Sessions::All(true)).await, NOBODY);
}

async fn all_sessions_but_one_end(app: Server) {
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

async fn one_session_ends_and_only_its_users(app: Server) {
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
    assert_eq!(
        app.store
            .rows(&events_of(&[EventKind::SessionRevoked]))
            .await,
        1
    );
    let nobody = users
        .revoke(NOBODY, Sessions::SessionId(id_of(&tokens[0])))
        .await;
    assert_nobody(nobody, NOBODY);
    assert_eq!(live(&app, &tokens).await, [true, false, true]);
}

async fn sessions_end_by_when_their_user_proved_who_they_are(app: Server) {
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

async fn an_end_that_names_nothing_is_a_fault(app: Server) {
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
