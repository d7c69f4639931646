//! A user who is disabled or erased fails on every path, at once.

use tonic::Code;
use vestibule::domain::TokenPurpose;

use super::{
    NEW, assert_bad_credentials, opens,
    proofs::{calls_about_sessions, calls_with_session, redemption},
};
use crate::harness::{Fault, Issue, PASSWORD, Server, TestUser, figure};

on_both_databases!(every_path_fails_at_once_for_who_is_disabled_or_erased);

const PURPOSES: [TokenPurpose; 3] = [
    TokenPurpose::PasswordReset,
    TokenPurpose::EmailVerification,
    TokenPurpose::EmailChange,
];

/// How often any path let them in, and how many were tried.
async fn successes(app: &Server, owner: &TestUser, tokens: &[String]) -> (usize, usize) {
    let mut answers = Vec::new();
    let calls = calls_with_session(&owner.token, PASSWORD).into_iter();
    for (method, message) in calls.chain(calls_about_sessions(&owner.token)) {
        let answer = app.wire().call(method, &message).await;
        assert_eq!(
            Fault::of(&answer.grpc_status()).meaning(),
            (Code::Unauthenticated, "SESSION_INVALID"),
            "{method}"
        );
        answers.push(false);
    }
    for (purpose, token) in PURPOSES.into_iter().zip(tokens) {
        let (method, message) = redemption(purpose, token);
        let answer = app.wire().call(method, &message).await;
        assert_eq!(
            Fault::of(&answer.grpc_status()).meaning(),
            (Code::FailedPrecondition, "TOKEN_INVALID"),
            "{method}"
        );
        answers.push(false);
    }
    answers.push(opens(app, &owner.email, PASSWORD).await);
    answers.push(opens(app, &owner.email, NEW).await);
    assert_bad_credentials(app.grpc().open(&owner.email, PASSWORD).await);
    let verdict = app.grpc().validate(&owner.token).await.unwrap();
    answers.push(verdict.session.is_some() || verdict.user.is_some());
    for path in ["/users/me", &format!("/users/{}", owner.id)] {
        let reply = app.rest().get_as(&owner.token, path).await;
        assert_eq!(reply.reason(), "SESSION_INVALID", "{path}");
        answers.push(false);
    }
    for spelling in ["//users/me", "/USERS/me", "/users/me/", "/users//me"] {
        let reply = app.rest().get_as(&owner.token, spelling).await;
        answers.push(reply.status.is_success());
    }
    let let_in = answers.iter().filter(|let_in| **let_in).count();
    (let_in, answers.len())
}

/// (A7) (T5)
async fn every_path_fails_at_once_for_who_is_disabled_or_erased(app: Server) {
    for erased in [false, true] {
        let owner = app.owner().await;
        let mut tokens = Vec::new();
        for purpose in PURPOSES {
            tokens.push(app.issue(&owner.email, Issue::of(purpose)).await);
        }
        if erased {
            app.erase(&owner.id).await;
        } else {
            app.disable(&owner.id).await;
        }
        let (let_in, tried) = successes(&app, &owner, &tokens).await;
        assert_eq!(let_in, 0);
        figure("A7", format_args!("erased {erased}: 0 of {tried} paths"));

        let account = app.account();
        account.request_password_reset(&owner.email).await.unwrap();
        let asked = account.request_email_verification(&owner.email).await;
        asked.unwrap();
        if !erased {
            app.enable(&owner.id).await;
            for (purpose, token) in PURPOSES.into_iter().zip(&tokens) {
                let redeemed = account.redeem(purpose, token, NEW).await;
                super::assert_token_invalid(redeemed);
            }
            super::assert_session_invalid(account.get(&owner.token).await);
        }
    }
}
