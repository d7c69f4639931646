//! CVE-2026-1035, Keycloak: calls at one moment each made a token of one that works once.

use super::*;

on_both_databases!(one_token_becomes_one_token,);

async fn one_token_becomes_one_token(app: Server) {
    let owner = app.owner().await;
    let mut rotations = JoinSet::new();
    for _ in 0..16 {
        let (client, token) = (app.grpc(), owner.token.clone());
        rotations.spawn(async move { client.rotate(&token).await });
    }
    let rotated = rotations.join_all().await.into_iter().flatten();
    let tokens: HashSet<_> = rotated.map(|rotated| rotated.session_token).collect();
    assert_eq!(tokens.len(), 1, "{tokens:?}");
}
