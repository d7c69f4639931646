//! A login tells nothing about who is registered.

use std::collections::HashSet;

use sea_orm::ConnectionTrait;
use tonic::Code;
use vestibule::proto::v1::{CreateSessionRequest, SessionStatus, ValidLoginRequest};

use crate::harness::{Database, HashGate, PASSWORD, Server, WireReply, email};

on_both_databases!(
    every_refused_login_answers_the_same_bytes,
    every_refused_login_costs_one_verification,
    a_disabled_user_is_told_nothing_but_by_the_session_check,
    every_session_that_is_no_proof_answers_the_same_bytes,
    a_user_that_may_not_be_seen_answers_the_same_bytes,
);

const WRONG: &str = "a canary sings at ten";

/// One address of each kind that cannot log in with [`WRONG`] (or, disabled, with any password).
async fn refused(app: &Server) -> Vec<(&'static str, String, &'static str)> {
    let wrong = app.grpc().registered().await.email;
    let disabled = app.grpc().registered().await;
    app.disable(&disabled.id).await;
    let without = app.grpc().registered().await.email;
    let unreadable = app.grpc().registered().await.email;
    let costly = app.grpc().registered().await.email;
    let imported = app.grpc().registered().await.email;
    let empty = app.grpc().registered().await.email;
    let sql = app.sql().await;
    for (email, hash) in [
        (&empty, "''"),
        (
            &imported,
            "'$2y$04$XsPTdI8MvpI8dnz.1Q1BCeTQisuF/SG24Fxo7/sTogQSji98NHHzq'",
        ),
        (&without, "NULL"),
        (&unreadable, "'no phc text, ü'"),
        (
            &costly,
            "'$argon2id$v=19$m=4194304,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'",
        ),
    ] {
        let statement =
            format!("UPDATE users SET hashed_password = {hash} WHERE email_key = '{email}'");
        sql.execute_unprepared(&statement).await.unwrap();
    }
    vec![
        ("unknown", email(), WRONG),
        ("wrong", wrong, WRONG),
        ("disabled", disabled.email.clone(), WRONG),
        ("disabled, right password", disabled.email, PASSWORD),
        ("no password", without, PASSWORD),
        ("empty hash", empty, PASSWORD),
        ("unreadable hash", unreadable, PASSWORD),
        ("hash over the caps", costly, PASSWORD),
        ("imported", imported, WRONG),
    ]
}

fn only_one(answers: Vec<(&str, WireReply)>) -> WireReply {
    let kinds: HashSet<_> = answers.iter().map(|(_, reply)| reply.visible()).collect();
    assert_eq!(kinds.len(), 1, "{answers:#?}");
    answers.into_iter().next().unwrap().1
}

/// (E1) (W11) (U3) Code, message, details, headers, trailers and length, but for the ids of the
/// call.
async fn every_refused_login_answers_the_same_bytes(app: Server) {
    let (mut logins, mut sessions) = (Vec::new(), Vec::new());
    for (kind, email, password) in refused(&app).await {
        let login = ValidLoginRequest {
            email: email.clone(),
            password: password.into(),
            client: None,
        };
        logins.push((kind, app.wire().ask("ValidLogin", &login).await));
        let open = CreateSessionRequest {
            email,
            password: password.into(),
            client: None,
        };
        sessions.push((kind, app.wire().ask("CreateSession", &open).await));
    }
    let login = only_one(logins);
    assert_eq!(login.code(), Code::Ok);
    assert_eq!(login.body, crate::harness::frame(&[]), "nothing but false");
    assert_eq!(only_one(sessions).code(), Code::Unauthenticated);
}

/// The unknown user's too, in the same queue.
async fn every_refused_login_costs_one_verification(database: Database) {
    let gate = HashGate::opened();
    let app = Server::on(database).await.hash_gate(&gate).start().await;
    for (kind, email, password) in refused(&app).await {
        let before = gate.started();
        assert!(!app.grpc().is_valid(&email, password).await);
        assert_eq!(gate.started() - before, 1, "{kind}");
    }
}

async fn a_disabled_user_is_told_nothing_but_by_the_session_check(app: Server) {
    let user = app.grpc().registered().await;
    let token = app
        .grpc()
        .open(&user.email, PASSWORD)
        .await
        .unwrap()
        .session_token;
    app.disable(&user.id).await;
    assert_eq!(
        app.grpc().verdict(&token).await,
        SessionStatus::UserDisabled
    );
    assert_eq!(
        app.rest().get_as(&token, "/users/me").await.reason(),
        "SESSION_INVALID"
    );
    app.grpc().revoke(&token).await.unwrap();
    assert_eq!(
        app.grpc().verdict(&token).await,
        SessionStatus::UserDisabled
    );
    let again = app.rest().register(&user.email, PASSWORD).await;
    assert_eq!(again.reason(), "EMAIL_TAKEN");

    app.enable(&user.id).await;
    assert_eq!(
        app.grpc().verdict(&token).await,
        SessionStatus::Revoked,
        "enabling restores none"
    );
    assert!(app.grpc().is_valid(&user.email, PASSWORD).await);
}

/// Malformed, unknown, revoked, of an older epoch, of a disabled user: one answer where a session is
/// the proof.
async fn every_session_that_is_no_proof_answers_the_same_bytes(app: Server) {
    let open = async || {
        let user = app.grpc().registered().await;
        (
            app.grpc()
                .open(&user.email, PASSWORD)
                .await
                .unwrap()
                .session_token,
            user,
        )
    };
    let (revoked, _) = open().await;
    app.grpc().revoke(&revoked).await.unwrap();
    let (disabled, user) = open().await;
    app.disable(&user.id).await;
    let (older, user) = open().await;
    app.end_sessions(&user.id).await.unwrap();
    let (live, _) = open().await;
    let mut forged = live.clone();
    forged.replace_range(
        30..34,
        if &live[30..34] == "AAAA" {
            "BBBB"
        } else {
            "AAAA"
        },
    );

    let mut answers = HashSet::new();
    for token in [
        revoked,
        disabled,
        older,
        forged,
        "x".into(),
        "x".repeat(513),
    ] {
        for path in ["/users/me", "/users/018c2e65-4b7e-7cc3-98c4-dc0c0c07398f"] {
            let reply = app.rest().get_as(&token, path).await;
            assert_eq!(reply.reason(), "SESSION_INVALID");
            assert_eq!(reply.header("www-authenticate"), "Bearer");
            let mut problem = reply.json();
            problem["request_id"] = "".into();
            answers.insert((
                reply.status.as_u16(),
                reply.headers.len(),
                problem.to_string(),
            ));
        }
    }
    assert_eq!(answers.len(), 1, "{answers:#?}");
}

/// Another's id, an unknown one and one of a wrong form.
async fn a_user_that_may_not_be_seen_answers_the_same_bytes(app: Server) {
    let user = app.grpc().registered().await;
    let other = app.grpc().registered().await;
    let token = app
        .grpc()
        .open(&user.email, PASSWORD)
        .await
        .unwrap()
        .session_token;
    let mut answers = HashSet::new();
    for id in [
        other.id.as_str(),
        "018c2e65-4b7e-7cc3-98c4-dc0c0c07398f",
        "x",
        &user.id.to_uppercase(),
        "%00",
    ] {
        let reply = app.rest().get_as(&token, &format!("/users/{id}")).await;
        assert_eq!(reply.reason(), "USER_NOT_FOUND", "{id}");
        let mut problem = reply.json();
        problem["request_id"] = "".into();
        answers.insert((
            reply.status.as_u16(),
            reply.headers.len(),
            problem.to_string(),
        ));
    }
    assert_eq!(answers.len(), 1, "{answers:#?}");
}
