//! Many tokens in one call get the verdicts that each would get alone.

use tonic::Code;
use uuid::Uuid;
use vestibule::{
    domain::{SessionId, SessionToken},
    proto::v1::SessionStatus,
};

use crate::harness::{Fault, Server};

on_both_databases!(
    each_token_of_a_batch_gets_its_own_verdict_in_its_place,
    a_batch_holds_from_none_to_five_hundred_tokens,
);

/// Every status, and of each answer the bytes that the token gets alone.
async fn each_token_of_a_batch_gets_its_own_verdict_in_its_place(app: Server) {
    let (live, revoked, disabled) = (app.owner().await, app.owner().await, app.owner().await);
    let expired = app.owner().await;
    let old = app.owner().await.token;
    let rotated = app.grpc().rotated(&old).await;
    app.grpc().revoke(&revoked.token).await.unwrap();
    app.disable(&disabled.id).await;
    let expire = format!(
        "UPDATE sessions SET expires_at = 1 WHERE user_id = \
         (SELECT id FROM users WHERE email_key = '{}')",
        expired.email
    );
    app.store.execute(&expire).await;
    let id = app.grpc().validate(&live.token).await.unwrap();
    let id = SessionId::new(Uuid::parse_str(&id.session.unwrap().id).unwrap());
    let forged = SessionToken::new(id, [7; 32]).expose().to_string();

    let expected = [
        (live.token.clone(), SessionStatus::Active),
        ("x".to_owned(), SessionStatus::NotFound),
        (String::new(), SessionStatus::NotFound),
        ("x".repeat(513), SessionStatus::NotFound),
        (forged, SessionStatus::NotFound),
        (revoked.token, SessionStatus::Revoked),
        (disabled.token, SessionStatus::UserDisabled),
        (expired.token, SessionStatus::Expired),
        (old, SessionStatus::Active),
        (rotated, SessionStatus::Active),
        (live.token, SessionStatus::Active),
    ];
    let tokens: Vec<_> = expected.iter().map(|(token, _)| token.clone()).collect();
    let told = app.grpc().validate_all(&tokens).await.unwrap();
    assert_eq!(told.len(), expected.len());
    for (told, (token, status)) in told.iter().zip(&expected) {
        assert_eq!(told.status(), *status);
        if (1..=512).contains(&token.len()) {
            assert_eq!(*told, app.grpc().validate(token).await.unwrap());
        }
    }
}

async fn a_batch_holds_from_none_to_five_hundred_tokens(app: Server) {
    assert_eq!(app.grpc().validate_all(&[]).await.unwrap(), []);
    let live = app.owner().await.token;
    let mut tokens: Vec<_> = (0..499)
        .map(|number| SessionToken::new(SessionId::new(Uuid::from_u128(number)), [7; 32]))
        .map(|token| token.expose().to_string())
        .collect();
    tokens.push(live.clone());
    let told = app.grpc().validate_all(&tokens).await.unwrap();
    let active = |status: SessionStatus| status == SessionStatus::Active;
    assert_eq!(told.iter().position(|one| active(one.status())), Some(499));
    tokens.push(live);
    let fault = Fault::from(app.grpc().validate_all(&tokens).await);
    assert_eq!(fault.meaning(), (Code::InvalidArgument, "INVALID_INPUT"));
    assert_eq!(fault.faults(), [("session_tokens", "INVALID_FIELD")]);
}
