//! One-time tokens that redeem nothing spend the budget of their source; a good one is always redeemed.

use uuid::Uuid;
use vestibule::{
    domain::{OneTimeTokenId, PasswordResetKind, Token, TokenPurpose},
    proto::v1::ResetPasswordRequest,
};

use super::*;
use crate::harness::{Issue, phrase};

on_both_databases!(bad_tokens_spend_the_budget_of_their_source,);

/// A reset as told from an address; the reason where it is refused.
async fn reset(app: &Server, token: &str, ip: &str) -> Result<(), Fault> {
    let request = ResetPasswordRequest {
        reset_token: token.into(),
        new_password: phrase(),
        client: Some(ClientInfo {
            ip: ip.into(),
            user_agent: String::new(),
        }),
    };
    let done = app.account().reset(request).await;
    done.map_err(|status| Fault::of(&status))
}

/// 100 made-up tokens, and then no more of them, nor passwords of accounts that never logged in there.
async fn bad_tokens_spend_the_budget_of_their_source(database: Database) {
    let app = Server::start(database).await;
    let user = app.grpc().registered().await;
    let (from, other) = ("198.51.100.7", "198.51.100.8");
    let made_up = || {
        let id = OneTimeTokenId::new(Uuid::new_v4());
        Token::<PasswordResetKind>::new(id, [7; 32])
            .expose()
            .to_string()
    };
    for number in 0..100 {
        let fault = reset(&app, &made_up(), from).await.unwrap_err();
        assert_eq!(fault.reason, "TOKEN_INVALID", "{number}");
    }
    throttled(reset(&app, &made_up(), from).await);
    throttled(tries(&app.grpc(), &user.email, PASSWORD, from).await);
    let fault = reset(&app, &made_up(), other).await.unwrap_err();
    assert_eq!(fault.reason, "TOKEN_INVALID");

    let issue = Issue::of(TokenPurpose::PasswordReset);
    let good = app.issue(&user.email, issue).await;
    reset(&app, &good, from).await.unwrap();
}
