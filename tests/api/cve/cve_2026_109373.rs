//! CVE-2026-109373, ZITADEL: a session id with an empty secret was answered with the session's
//! token.

use super::*;

on_both_databases!(a_session_id_proves_nothing_without_its_secret,);

async fn a_session_id_proves_nothing_without_its_secret(app: Server) {
    let (owner, other) = (app.owner().await, app.owner().await);
    let session = app.grpc().validate(&owner.token).await.unwrap().session;
    let id = SessionId::new(Uuid::parse_str(&session.unwrap().id).unwrap());
    let guess = |secret| SessionToken::new(id, secret).expose().to_string();
    // 16 bytes of id are the 22nd character; the secret of another session follows.
    let foreign = [&owner.token[..25], &other.token[25..]].concat();
    let forged = [
        id.to_string(),
        owner.token[..26].to_owned(),
        owner.token[..40].to_owned(),
        guess([0; 32]),
        guess([0xff; 32]),
        foreign,
    ];
    for token in forged {
        assert_eq!(app.grpc().verdict(&token).await, SessionStatus::NotFound);
        assert!(app.grpc().rotate(&token).await.is_err());
        let _ = app.grpc().revoke(&token).await;
        let calls = calls_with_session(&token, PASSWORD).into_iter();
        for (method, message) in calls.chain(calls_about_sessions(&token)) {
            let answer = app.wire().call(method, &message).await;
            assert_eq!(answer.code(), Code::Unauthenticated, "{method} {token}");
        }
        let reply = app.rest().get_as(&token, "/users/me").await;
        assert_eq!(reply.status, 401, "{token}");
    }
    assert_eq!(
        app.grpc().verdict(&owner.token).await,
        SessionStatus::Active
    );
}
