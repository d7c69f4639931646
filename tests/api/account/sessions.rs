//! What users see and end of their own sessions, and what nobody sees or ends of another's.

use prost::Message;
use tonic::Code;
use uuid::Uuid;
use vestibule::{
    domain::SessionToken,
    proto::v1::{
        AuthenticationMethod, ClientInfo, CreateSessionRequest, RevokeSessionByIdRequest, Session,
        SessionStatus,
    },
};

use super::{assert_all_ended, assert_session_invalid, events, many_sessions};
use crate::harness::{
    Database, EventKind, Fault, HashGate, PASSWORD, Server, TestUser, figure, scale,
};

on_both_databases!(
    the_list_tells_of_each_live_session_what_its_user_needs,
    the_list_comes_in_pages_and_tells_nothing_twice,
    a_page_that_cannot_be_is_refused,
    a_session_is_ended_by_its_id,
    another_users_session_answers_like_an_unknown_one_and_lives,
    a_cursor_leads_into_nobody_elses_sessions,
    all_other_sessions_end_and_the_one_that_asks_lives,
    a_held_login_opens_its_session_after_all_others_were_ended,
);

fn id_of(token: &str) -> String {
    SessionToken::parse(token).unwrap().id().to_string()
}

/// Every session on one page.
async fn list(app: &Server, token: &str) -> Vec<Session> {
    let page = app.account().list(token, (1_000, "")).await.unwrap();
    assert_eq!(page.current_session_id, id_of(token));
    page.sessions
}

async fn the_list_tells_of_each_live_session_what_its_user_needs(app: Server) {
    let owner = app.owner().await;
    let client = ClientInfo {
        ip: "2001:db8::7".into(),
        user_agent: "a browser".into(),
    };
    let request = CreateSessionRequest {
        email: owner.email.clone(),
        password: PASSWORD.into(),
        client: Some(client.clone()),
    };
    let opened = app
        .grpc()
        .create_session(request)
        .await
        .unwrap()
        .into_inner();
    let (revoked, expired) = (
        app.session_of(&owner.email).await,
        app.session_of(&owner.email).await,
    );
    app.grpc().revoke(&revoked).await.unwrap();
    let expire = "UPDATE sessions SET last_seen_at = 1 WHERE id = \
        (SELECT id FROM sessions ORDER BY created_at DESC LIMIT 1)";
    app.store.execute(expire).await;
    assert_eq!(app.grpc().verdict(&expired).await, SessionStatus::Expired);
    app.owner().await;

    let page = app.account().list(&owner.token, (0, "")).await.unwrap();
    let mut ids: Vec<_> = page.sessions.iter().map(|one| one.id.clone()).collect();
    ids.sort();
    let mut expected = vec![id_of(&owner.token), id_of(&opened.session_token)];
    expected.sort();
    assert_eq!(ids, expected);
    assert!(page.next_page_token.is_empty());
    for session in &page.sessions {
        assert_eq!(session.user_id, owner.id);
        let methods = [AuthenticationMethod::Password as i32];
        assert_eq!(session.methods, methods);
        assert_eq!(session.last_seen_at, session.created_at);
        assert!(session.authenticated_at.unwrap().seconds <= session.created_at.unwrap().seconds);
        assert!(session.idle_expires_at.unwrap().seconds < session.expires_at.unwrap().seconds);
    }
    let told = page.sessions.iter().find(|one| one.client.is_some());
    assert_eq!(told, opened.session.as_ref());
    assert_eq!(told.unwrap().client, Some(client));
    let bytes = page.encode_to_vec();
    for token in [&owner.token, &opened.session_token] {
        let hash = SessionToken::parse(token).unwrap().secret_hash();
        for secret in [token.as_bytes(), hash.as_bytes()] {
            assert!(!bytes.windows(secret.len()).any(|part| part == secret));
        }
    }
}

/// 12 sessions in CI, 100 for the scorecard.
async fn the_list_comes_in_pages_and_tells_nothing_twice(app: Server) {
    let owner = app.owner().await;
    let mut expected = vec![id_of(&owner.token)];
    for _ in 0..scale(11, 99) {
        expected.push(id_of(&app.session_of(&owner.email).await));
    }
    expected.sort();
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = app
            .account()
            .list(&owner.token, (5, &cursor))
            .await
            .unwrap();
        assert!(page.sessions.len() <= 5);
        seen.extend(page.sessions.into_iter().map(|session| session.id));
        cursor = page.next_page_token;
        if cursor.is_empty() {
            break;
        }
    }
    assert_eq!(seen, expected);
}

async fn a_page_that_cannot_be_is_refused(app: Server) {
    let token = app.owner().await.token;
    let fault = Fault::from(app.account().list(&token, (-1, "x")).await);
    assert_eq!(fault.meaning(), (Code::InvalidArgument, "INVALID_INPUT"));
    assert_eq!(
        fault.faults(),
        [
            ("page_size", "INVALID_FIELD"),
            ("page_token", "PAGE_TOKEN_INVALID")
        ]
    );
    for id in ["", "x", &Uuid::from_u128(7).simple().to_string()] {
        let fault = Fault::from(app.account().revoke_by_id(&token, id).await);
        assert_eq!(fault.faults(), [("session_id", "INVALID_FIELD")]);
    }
}

/// However often, its own included, and with an event.
async fn a_session_is_ended_by_its_id(app: Server) {
    let owner = app.owner().await;
    let other = app.session_of(&owner.email).await;
    let account = app.account();
    for _ in 0..2 {
        account
            .revoke_by_id(&owner.token, &id_of(&other))
            .await
            .unwrap();
        assert_eq!(app.grpc().verdict(&other).await, SessionStatus::Revoked);
    }
    assert_eq!(events(&app, &owner.id, EventKind::SessionRevoked).await, 1);
    assert_eq!(list(&app, &owner.token).await.len(), 1);
    let own = id_of(&owner.token);
    account.revoke_by_id(&owner.token, &own).await.unwrap();
    assert_eq!(
        app.grpc().verdict(&owner.token).await,
        SessionStatus::Revoked
    );
    assert_session_invalid(account.revoke_by_id(&owner.token, &own).await);
}

/// Ids that are not the asker's: another user's, neighbours of them, and random ones.
fn foreign_ids(others: &[String], count: usize) -> Vec<String> {
    let mut ids: Vec<_> = others.iter().map(|token| id_of(token)).collect();
    let base = Uuid::parse_str(&ids[0]).unwrap().as_u128();
    for step in 1.. {
        if ids.len() >= count {
            break;
        }
        ids.push(Uuid::from_u128(base + step).to_string());
        ids.push(Uuid::from_u128(base - step).to_string());
        ids.push(Uuid::new_v4().to_string());
    }
    ids
}

/// (Z6) 200 ids in CI, 10,000 for the scorecard: foreign, sequential and guessed, each with the bytes
/// of an unknown one.
async fn another_users_session_answers_like_an_unknown_one_and_lives(app: Server) {
    let (owner, other) = (app.owner().await, app.owner().await);
    let mut foreign = vec![other.token.clone()];
    foreign.extend(many_sessions(&app, &other.email).await);
    let ids = foreign_ids(&foreign, scale(200, 10_000));
    let wire = app.wire();
    let ask = async |id: &str| {
        let request = RevokeSessionByIdRequest {
            session_token: owner.token.clone(),
            session_id: id.to_owned(),
        };
        let method = "AccountService/RevokeSessionById";
        wire.call(method, &request.encode_to_vec()).await.visible()
    };
    let unknown = ask(&Uuid::from_u128(7).to_string()).await;
    for id in &ids {
        assert_eq!(ask(id).await, unknown, "{id}");
    }
    for token in &foreign {
        assert_eq!(app.grpc().verdict(token).await, SessionStatus::Active);
    }
    assert_eq!(events(&app, &other.id, EventKind::SessionRevoked).await, 0);
    assert_eq!(list(&app, &owner.token).await.len(), 1);
    figure(
        "Z6",
        format_args!("0 of {} ids told or ended anything", ids.len()),
    );
}

/// (Z6) Another user's cursor, and cursors at their ids, tell of the asker's own sessions alone.
async fn a_cursor_leads_into_nobody_elses_sessions(app: Server) {
    let (owner, other) = (app.owner().await, app.owner().await);
    many_sessions(&app, &other.email).await;
    many_sessions(&app, &owner.email).await;
    let mut cursor = String::new();
    loop {
        let page = app
            .account()
            .list(&other.token, (1, &cursor))
            .await
            .unwrap();
        cursor = page.next_page_token;
        if cursor.is_empty() {
            break;
        }
        let own = app
            .account()
            .list(&owner.token, (0, &cursor))
            .await
            .unwrap();
        assert!(own.sessions.iter().all(|one| one.user_id == owner.id));
        assert_eq!(own.current_session_id, id_of(&owner.token));
    }
}

/// (Z5) 5 other sessions in CI, 99 for the scorecard; wrong passwords that were tried stay counted.
async fn all_other_sessions_end_and_the_one_that_asks_lives(database: Database) {
    let plan = Server::on(database).await;
    let app = plan
        .settings(|settings| settings.auth.session_limits.per_user = 1_000)
        .start()
        .await;
    let (owner, stranger) = (app.owner().await, app.owner().await);
    let others = many_sessions(&app, &owner.email).await;
    let account = app.account();
    for _ in 0..4 {
        let tried = account
            .close(&owner.token, "a canary that never sang")
            .await;
        super::assert_bad_credentials(tried);
    }
    account.revoke_others(&owner.token).await.unwrap();
    assert_all_ended(&app, &others).await;
    for token in [&owner.token, &stranger.token] {
        assert_eq!(app.grpc().verdict(token).await, SessionStatus::Active);
    }
    assert_eq!(events(&app, &owner.id, EventKind::SessionsRevoked).await, 1);
    assert_eq!(list(&app, &owner.token).await.len(), 1);
    // The fifth in a row, whatever lay between.
    let tried = account
        .close(&owner.token, "a canary that never sang")
        .await;
    super::assert_bad_credentials(tried);
    assert_session_invalid(account.revoke_others(&owner.token).await);
    figure(
        "Z5",
        format_args!("0 of {} other sessions left", others.len()),
    );
}

async fn a_held_login_opens_its_session_after_all_others_were_ended(database: Database) {
    let gate = HashGate::opened();
    let app = Server::on(database).await.hash_gate(&gate).start().await;
    let TestUser { email, token, .. } = app.owner().await;
    gate.close();
    let held = tokio::spawn({
        let (client, email) = (app.grpc(), email.clone());
        async move { client.open(&email, PASSWORD).await }
    });
    gate.await_held(1).await;
    app.account().revoke_others(&token).await.unwrap();
    gate.open();
    let opened = held.await.unwrap().unwrap();
    assert_eq!(list(&app, &token).await.len(), 2);
    assert_eq!(list(&app, &opened.session_token).await.len(), 2);
}
