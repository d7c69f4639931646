//! CVE-2025-71402, better-auth: a forged cookie ended the session that it named.

use super::*;

on_both_databases!(a_forged_token_ends_no_session,);

async fn a_forged_token_ends_no_session(app: Server) {
    let owner = app.owner().await;
    let session = app.grpc().validate(&owner.token).await.unwrap().session;
    let id = SessionId::new(Uuid::parse_str(&session.unwrap().id).unwrap());
    let forged = SessionToken::new(id, [7; 32]).expose().to_string();
    for token in [forged, id.to_string(), owner.token[..71].to_owned()] {
        let _ = app.grpc().revoke(&token).await;
        let _ = app.account().revoke_others(&token).await;
    }
    assert_eq!(
        app.grpc().verdict(&owner.token).await,
        SessionStatus::Active
    );
}
