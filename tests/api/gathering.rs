//! Session checks that come together share a statement; each gets its own verdict all the same.

use std::time::Duration;

use futures_util::future::join_all;
use uuid::Uuid;
use vestibule::{
    domain::{SessionId, SessionToken},
    proto::v1::SessionStatus,
};

use crate::harness::{PASSWORD, Server, email};

on_both_databases!(
    checks_that_come_together_get_a_verdict_each,
    a_caller_that_goes_away_takes_nobodys_verdict_along,
);

/// A token that nobody has.
fn unknown(number: usize) -> String {
    let id = SessionId::new(Uuid::from_u128(number as u128));
    SessionToken::new(id, [7; 32]).expose().to_string()
}

/// A session each for some users: active, revoked, or of a disabled user, in turns.
async fn tokens(app: &Server, count: usize) -> Vec<(String, SessionStatus)> {
    let mut tokens = Vec::new();
    for number in 0..count {
        let address = email();
        let user = app.grpc().register(&address, PASSWORD).await.unwrap();
        let opened = app.grpc().open(&address, PASSWORD).await.unwrap();
        let token = opened.session_token;
        let status = match number % 4 {
            1 => {
                app.grpc().revoke(&token).await.unwrap();
                SessionStatus::Revoked
            }
            2 => {
                app.disable(&user.id).await;
                SessionStatus::UserDisabled
            }
            _ => SessionStatus::Active,
        };
        tokens.push((token, status));
        tokens.push((unknown(number), SessionStatus::NotFound));
    }
    tokens
}

/// 600 checks at once over 30 tokens, each of them many times: more than two statements can answer.
async fn checks_that_come_together_get_a_verdict_each(app: Server) {
    let tokens = tokens(&app, 15).await;
    let checks = (0..600).map(|number| {
        let (app, (token, status)) = (&app, &tokens[number * 7 % tokens.len()]);
        async move { assert_eq!(app.grpc().verdict(token).await, *status) }
    });
    join_all(checks).await;
}

/// Of 300 checks two thirds are given up at once.
async fn a_caller_that_goes_away_takes_nobodys_verdict_along(app: Server) {
    let tokens = tokens(&app, 4).await;
    let checks = (0..300).map(|number| {
        let (app, (token, status)) = (&app, &tokens[number % tokens.len()]);
        async move {
            let grpc = app.grpc();
            let check = grpc.verdict(token);
            if number % 3 == 0 {
                assert_eq!(check.await, *status);
            } else {
                let patience = Duration::from_micros(number as u64);
                drop(tokio::time::timeout(patience, check).await);
            }
        }
    });
    join_all(checks).await;
}
