//! Lists of users and of their sessions: complete, in order, and of nobody else.

use std::collections::BTreeSet;

use uuid::Uuid;
use vestibule::proto::v1::{
    ListUserSessionsRequest, ListUsersRequest, SessionStatus, User, UserStatus,
    find_user_request::Key, revoke_user_sessions_request::Sessions,
};

use super::{assert_invalid, assert_nobody};
use crate::harness::{Database, Fault, PASSWORD, Server, Users, figure, scale};

on_both_databases!(
    pages_hold_every_user_once_in_order_while_others_come_and_go,
    lists_are_filtered_by_status_and_by_what_an_address_begins_with,
    what_an_address_begins_with_is_in_the_order_of_bytes,
    every_fault_of_a_page_is_told_at_once,
    a_page_token_is_good_for_its_own_list_alone,
    guessed_ids_and_cursors_tell_and_change_nothing,
);

fn page(size: i32, token: &str) -> ListUsersRequest {
    ListUsersRequest {
        page_size: size,
        page_token: token.to_owned(),
        status: UserStatus::Unspecified.into(),
        email_prefix: String::new(),
    }
}

fn ids(users: &[User]) -> Vec<String> {
    users.iter().map(|user| user.id.clone()).collect()
}

/// Every user that a filter lets through, page by page.
async fn all(users: &Users, filter: ListUsersRequest) -> Vec<User> {
    let (mut found, mut token) = (Vec::new(), String::new());
    loop {
        let asked = ListUsersRequest {
            page_token: token,
            ..filter.clone()
        };
        let page = users.list(asked).await.unwrap();
        found.extend(page.users);
        token = page.next_page_token;
        if token.is_empty() {
            return found;
        }
    }
}

async fn pages_hold_every_user_once_in_order_while_others_come_and_go(app: Server) {
    let users = app.users().await;
    let mut registered = Vec::new();
    for _ in 0..7 {
        registered.push(app.grpc().registered().await.id);
    }
    registered.sort();
    let first = users.list(page(3, "")).await.unwrap();
    assert_eq!(ids(&first.users), registered[..3]);
    // The last of the page is gone, and others come, before the next page is asked for.
    users.delete(&registered[2]).await.unwrap();
    let late = app.grpc().registered().await.id;
    let second = users.list(page(3, &first.next_page_token)).await.unwrap();
    assert_eq!(ids(&second.users), registered[3..6]);
    let rest = users
        .list(page(1_000, &second.next_page_token))
        .await
        .unwrap();
    assert_eq!(ids(&rest.users), [registered[6].clone(), late]);
    assert_eq!(rest.next_page_token, "");

    let usual = users.list(page(0, "")).await.unwrap();
    assert_eq!((usual.users.len(), usual.next_page_token.as_str()), (7, ""));
}

async fn lists_are_filtered_by_status_and_by_what_an_address_begins_with(app: Server) {
    let users = app.users().await;
    let addresses = [
        "canary.a@example.com",
        "canary.ab@example.com",
        "canary.AB@example.org",
        "canary_a@example.com",
        "canary%@example.com",
    ];
    for address in addresses {
        app.grpc().register(address, PASSWORD).await.unwrap();
    }
    let disabled = app.stored("canary.ab@example.com").await.id.to_string();
    users.disable(&disabled).await.unwrap();
    let found = async |prefix: &str, status: UserStatus| {
        let filter = ListUsersRequest {
            status: status.into(),
            email_prefix: prefix.to_owned(),
            ..page(2, "")
        };
        let found = all(&users, filter).await;
        found
            .into_iter()
            .map(|user| user.email)
            .collect::<BTreeSet<_>>()
    };
    let any = UserStatus::Unspecified;
    for (prefix, status, expected) in [
        ("", any, &addresses[..]),
        ("canary.a", any, &addresses[..3]),
        ("CANARY.Ab", any, &addresses[1..3]),
        ("canary.ab@example.com", any, &addresses[1..2]),
        ("canary_", any, &addresses[3..4]),
        ("canary%", any, &addresses[4..]),
        ("b", any, &[]),
        ("canary.ab", UserStatus::Active, &addresses[2..3]),
        ("canary.ab", UserStatus::Disabled, &addresses[1..2]),
        ("", UserStatus::Disabled, &addresses[1..2]),
    ] {
        let expected = expected.iter().map(ToString::to_string).collect();
        assert_eq!(found(prefix, status).await, expected, "{prefix} {status:?}");
    }
}

/// Where a database sorts text by a language, punctuation hardly counts.
async fn what_an_address_begins_with_is_in_the_order_of_bytes(database: Database) {
    let app = Server::start(database).await;
    if database == Database::Postgres {
        let collated = r#"ALTER TABLE users ALTER COLUMN email_key TYPE text COLLATE "en-x-icu""#;
        app.store.execute(collated).await;
    }
    let users = app.users().await;
    let addresses = [
        "canary-x@example.com",
        "canary.x@example.com",
        "canaryx@example.com",
    ];
    for address in addresses {
        app.grpc().register(address, PASSWORD).await.unwrap();
    }
    for address in addresses {
        let filter = ListUsersRequest {
            email_prefix: address[..7].to_owned(),
            ..page(10, "")
        };
        let found = all(&users, filter).await;
        assert_eq!(found.len(), 1, "{address}");
        assert_eq!(found[0].email, address);
    }
}

async fn every_fault_of_a_page_is_told_at_once(app: Server) {
    let users = app.users().await;
    let request = ListUsersRequest {
        page_size: -1,
        page_token: "x".into(),
        status: 7,
        email_prefix: "a b".into(),
    };
    let faults = [
        ("status", "INVALID_FIELD"),
        ("email_prefix", "INVALID_FIELD"),
        ("page_size", "INVALID_FIELD"),
        ("page_token", "PAGE_TOKEN_INVALID"),
    ];
    assert_invalid(users.list(request).await, &faults);
    let request = ListUserSessionsRequest {
        user_id: "me".into(),
        page_size: i32::MIN,
        page_token: "x".into(),
    };
    let faults = [
        ("user_id", "INVALID_FIELD"),
        ("page_size", "INVALID_FIELD"),
        ("page_token", "PAGE_TOKEN_INVALID"),
    ];
    assert_invalid(users.sessions_page(request).await, &faults);
}

async fn a_page_token_is_good_for_its_own_list_alone(app: Server) {
    let (users, owner, other) = (app.users().await, app.owner().await, app.owner().await);
    app.session_of(&owner.email).await;
    let of_users = users.list(page(1, "")).await.unwrap().next_page_token;
    let sessions = |user_id: &str, page_token: &str| ListUserSessionsRequest {
        user_id: user_id.to_owned(),
        page_size: 1,
        page_token: page_token.to_owned(),
    };
    let first = users.sessions_page(sessions(&owner.id, "")).await.unwrap();
    let of_sessions = first.next_page_token;
    let invalid = [("page_token", "PAGE_TOKEN_INVALID")];
    let next = users.sessions_page(sessions(&owner.id, &of_sessions)).await;
    assert_eq!(next.unwrap().sessions.len(), 1);
    for (user, token) in [(&other.id, &of_sessions), (&owner.id, &of_users)] {
        assert_invalid(users.sessions_page(sessions(user, token)).await, &invalid);
    }
    assert_invalid(users.list(page(1, &of_sessions)).await, &invalid);
    let filtered = ListUsersRequest {
        email_prefix: "canary".into(),
        ..page(1, &of_users)
    };
    assert_invalid(users.list(filtered).await, &invalid);
}

/// (Z6) 200 guesses of each kind in CI, 10,000 for the scorecard: random ids, ids one beside a real
/// one, and another user's.
async fn guessed_ids_and_cursors_tell_and_change_nothing(app: Server) {
    let (users, owner, other) = (app.users().await, app.owner().await, app.owner().await);
    let session = users.sessions(&owner.id).await.unwrap().remove(0).id;
    let real = Uuid::parse_str(&owner.id).unwrap().as_u128();
    let real_session = Uuid::parse_str(&session).unwrap().as_u128();
    let rounds = scale(200, 10_000);
    for round in 0..rounds {
        let step = round as u128 / 2 + 1;
        let (id, session) = if round % 2 == 0 {
            (Uuid::new_v4(), Uuid::new_v4())
        } else {
            (
                Uuid::from_u128(real ^ step),
                Uuid::from_u128(real_session ^ step),
            )
        };
        let (id, session) = (id.to_string(), session.to_string());
        assert_nobody(users.find(&id).await, &id);
        assert_nobody(users.find_by(Key::SessionId(session.clone())).await, "");
        assert_nobody(users.sessions(&id).await, &id);
        assert_nobody(users.revoke(&id, Sessions::All(true)).await, &id);
        users
            .revoke(&owner.id, Sessions::SessionId(session))
            .await
            .unwrap();
        let guess = format!("{}{}", Uuid::new_v4().simple(), &id[..2]);
        let told = users.list(page(1, &guess)).await;
        assert_eq!(Fault::from(told).reason, "INVALID_INPUT", "{guess}");
    }
    // Another user's session is not theirs to end.
    users
        .revoke(&other.id, Sessions::SessionId(session.clone()))
        .await
        .unwrap();
    assert_eq!(
        app.grpc().verdict(&owner.token).await,
        SessionStatus::Active
    );
    let listed = users.sessions(&other.id).await.unwrap();
    assert!(
        listed
            .iter()
            .all(|one| one.user_id == other.id && one.id != session)
    );
    figure(
        "Z6",
        format_args!("0 of {rounds} guesses of each of 6 kinds told anything"),
    );
}
