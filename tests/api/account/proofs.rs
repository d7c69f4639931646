//! Every proof that is none gets one answer, to the byte: what is wrong with it is nobody's business.

use std::collections::HashSet;

use prost::Message;
use tonic::Code;
use uuid::Uuid;
use vestibule::{
    domain::{
        Clock, OneTimeTokenId, PasswordResetKind, SessionId, SessionToken, Token, TokenPurpose,
    },
    proto::v1::{
        ChangePasswordRequest, CloseAccountRequest, ConfirmEmailChangeRequest, GetAccountRequest,
        ListSessionsRequest, RequestEmailChangeRequest, ResetPasswordRequest, RestoreEmailRequest,
        RevokeOtherSessionsRequest, RevokeSessionByIdRequest, VerifyEmailRequest,
    },
};

use super::{NEW, WRONG, assert_token_invalid, assert_unchanged};
use crate::harness::{Issue, PASSWORD, Server, TOKEN_LIFETIME, TestUser, WireReply, email};

on_both_databases!(
    every_session_that_is_no_proof_answers_the_same_bytes,
    every_token_that_redeems_nothing_answers_the_same_bytes,
    every_wrong_password_answers_the_same_bytes,
    a_token_is_good_for_its_purpose_alone,
);

const PURPOSES: [TokenPurpose; 3] = [
    TokenPurpose::PasswordReset,
    TokenPurpose::EmailVerification,
    TokenPurpose::EmailChange,
];

/// Every RPC whose proof is a session.
pub(crate) fn calls_with_session(token: &str, password: &str) -> [(&'static str, Vec<u8>); 4] {
    let (session_token, current_password) = (token.to_owned(), password.to_owned());
    let get = GetAccountRequest {
        session_token: session_token.clone(),
    };
    let change = ChangePasswordRequest {
        session_token: session_token.clone(),
        current_password: current_password.clone(),
        new_password: NEW.into(),
        client: None,
    };
    let address = RequestEmailChangeRequest {
        session_token: session_token.clone(),
        current_password: current_password.clone(),
        new_email: email(),
        client: None,
    };
    let close = CloseAccountRequest {
        session_token,
        current_password,
    };
    [
        ("AccountService/GetAccount", get.encode_to_vec()),
        ("AccountService/ChangePassword", change.encode_to_vec()),
        ("AccountService/RequestEmailChange", address.encode_to_vec()),
        ("AccountService/CloseAccount", close.encode_to_vec()),
    ]
}

/// Every RPC about sessions whose proof is a session.
pub(crate) fn calls_about_sessions(token: &str) -> [(&'static str, Vec<u8>); 3] {
    let session_token = token.to_owned();
    let list = ListSessionsRequest {
        session_token: session_token.clone(),
        ..ListSessionsRequest::default()
    };
    let end = RevokeSessionByIdRequest {
        session_token: session_token.clone(),
        session_id: Uuid::from_u128(7).to_string(),
    };
    let end_others = RevokeOtherSessionsRequest { session_token };
    [
        ("AccountService/ListSessions", list.encode_to_vec()),
        ("AccountService/RevokeSessionById", end.encode_to_vec()),
        (
            "AccountService/RevokeOtherSessions",
            end_others.encode_to_vec(),
        ),
    ]
}

/// The RPC that redeems tokens of a purpose.
pub(crate) fn redemption(purpose: TokenPurpose, token: &str) -> (&'static str, Vec<u8>) {
    let token = token.to_owned();
    match purpose {
        TokenPurpose::PasswordReset => {
            let reset = ResetPasswordRequest {
                reset_token: token,
                new_password: NEW.into(),
                client: None,
            };
            ("AccountService/ResetPassword", reset.encode_to_vec())
        }
        TokenPurpose::EmailVerification => {
            let verify = VerifyEmailRequest {
                verification_token: token,
                ..VerifyEmailRequest::default()
            };
            ("AccountService/VerifyEmail", verify.encode_to_vec())
        }
        TokenPurpose::EmailChange => {
            let confirm = ConfirmEmailChangeRequest {
                email_change_token: token,
            };
            ("AccountService/ConfirmEmailChange", confirm.encode_to_vec())
        }
        TokenPurpose::EmailRestore => {
            let restore = RestoreEmailRequest {
                email_restore_token: token,
                new_password: NEW.into(),
                client: None,
            };
            ("AccountService/RestoreEmail", restore.encode_to_vec())
        }
    }
}

fn assert_one_answer(answers: &[WireReply], code: Code) {
    let kinds: HashSet<_> = answers.iter().map(WireReply::visible).collect();
    assert_eq!(kinds.len(), 1, "{answers:#?}");
    assert_eq!(answers[0].code(), code);
}

/// No, malformed, truncated, unknown, of another secret, of another kind, revoked, of an older epoch,
/// expired, of a disabled and of an erased user.
async fn every_session_that_is_no_proof_answers_the_same_bytes(app: Server) {
    let mut bad = vec![String::new(), "x".into(), "x".repeat(513)];
    let live = app.owner().await;
    bad.push(live.token[..71].to_owned());
    bad.push(app.reset_token(&live.email).await);
    let unknown = SessionToken::new(SessionId::new(Uuid::from_u128(7)), [7; 32]);
    bad.push(unknown.expose().to_string());
    let session = app.grpc().validate(&live.token).await.unwrap().session;
    let id = SessionId::new(Uuid::parse_str(&session.unwrap().id).unwrap());
    bad.push(SessionToken::new(id, [7; 32]).expose().to_string());
    for end in 0..5 {
        let owner = app.owner().await;
        match end {
            0 => app.grpc().revoke(&owner.token).await.unwrap(),
            1 => drop(app.end_sessions(&owner.id).await),
            2 => app.disable(&owner.id).await,
            3 => app.erase(&owner.id).await,
            _ => {
                let expire = format!(
                    "UPDATE sessions SET expires_at = 1 WHERE user_id IN \
                     (SELECT id FROM users WHERE email_key = '{}')",
                    owner.email
                );
                app.store.execute(&expire).await;
            }
        }
        bad.push(owner.token);
    }
    let mut answers = Vec::new();
    for token in &bad {
        let calls = calls_with_session(token, PASSWORD).into_iter();
        for (method, message) in calls.chain(calls_about_sessions(token)) {
            answers.push(app.wire().call(method, &message).await);
        }
    }
    assert_one_answer(&answers, Code::Unauthenticated);
    assert_unchanged(&app, &live.email).await;
}

/// Tokens of a user that redeem nothing, each for another reason.
async fn bad_tokens(app: &Server, owner: &TestUser, purpose: TokenPurpose) -> Vec<String> {
    let issue = async || app.issue(&owner.email, Issue::of(purpose)).await;
    let unknown = Token::<PasswordResetKind>::new(OneTimeTokenId::new(Uuid::from_u128(7)), [7; 32]);
    let mut bad = vec![
        String::new(),
        "x".to_owned(),
        "x".repeat(513),
        unknown.expose().to_string(),
        owner.token.clone(),
        issue().await[..71].to_owned(),
        // Of another user, who is disabled.
        {
            let disabled = app.owner().await;
            let token = app.issue(&disabled.email, Issue::of(purpose)).await;
            app.disable(&disabled.id).await;
            token
        },
    ];
    let expired = Issue {
        at: Clock::system().now() - TOKEN_LIFETIME,
        ..Issue::of(purpose)
    };
    bad.push(app.issue(&owner.email, expired).await);
    for other in PURPOSES.into_iter().filter(|other| *other != purpose) {
        bad.push(app.issue(&owner.email, Issue::of(other)).await);
    }
    bad
}

async fn every_token_that_redeems_nothing_answers_the_same_bytes(app: Server) {
    let mut answers = Vec::new();
    for purpose in PURPOSES {
        let owner = app.owner().await;
        let mut bad = bad_tokens(&app, &owner, purpose).await;
        let used = app.owner().await;
        let token = app.issue(&used.email, Issue::of(purpose)).await;
        app.account().redeem(purpose, &token, NEW).await.unwrap();
        bad.push(token);
        for token in &bad {
            let (method, message) = redemption(purpose, token);
            answers.push(app.wire().call(method, &message).await);
        }
        assert_unchanged(&app, &owner.email).await;
        assert_eq!(app.stored(&owner.email).await.email_verified_at, None);
    }
    assert_one_answer(&answers, Code::FailedPrecondition);
}

/// (A3) A wrong one, another user's, and any at all of a user who has none.
async fn every_wrong_password_answers_the_same_bytes(app: Server) {
    let mut answers = Vec::new();
    for kind in 0..3 {
        let owner = app.owner().await;
        let password = if kind == 1 { NEW } else { WRONG };
        app.grpc().register(&email(), NEW).await.unwrap();
        if kind == 2 {
            let none = format!(
                "UPDATE users SET hashed_password = NULL WHERE email_key = '{}'",
                owner.email
            );
            app.store.execute(&none).await;
        }
        for (method, message) in &calls_with_session(&owner.token, password)[1..] {
            answers.push(app.wire().call(method, message).await);
        }
    }
    assert_one_answer(&answers, Code::Unauthenticated);
}

/// Purpose × RPC, on the diagonal and off it.
async fn a_token_is_good_for_its_purpose_alone(app: Server) {
    for purpose in PURPOSES {
        let owner = app.owner().await;
        let token = app.issue(&owner.email, Issue::of(purpose)).await;
        for other in PURPOSES.into_iter().filter(|other| *other != purpose) {
            assert_token_invalid(app.account().redeem(other, &token, NEW).await);
        }
        app.account().redeem(purpose, &token, NEW).await.unwrap();
    }
}
