//! CVE-2026-117499, @fastify/session: a request that was under way when a session ended brought it
//! back.

use super::*;

on_both_databases!(a_call_under_way_revives_no_session,);

async fn a_call_under_way_revives_no_session(app: Server) {
    let owner = app.owner().await;
    let mut rotations = JoinSet::new();
    for number in 0..24 {
        let (client, token) = (app.grpc(), owner.token.clone());
        rotations.spawn(async move {
            if number == 12 {
                client.revoke(&token).await.map(|()| None)
            } else {
                let rotated = client.rotate(&token).await?;
                Ok(Some(rotated.session_token))
            }
        });
    }
    let mut tokens = vec![owner.token];
    for outcome in rotations.join_all().await {
        tokens.extend(outcome.ok().flatten());
    }
    // Whichever was first: the owner ends what is left with the token that is left.
    for token in &tokens {
        let _ = app.grpc().revoke(token).await;
    }
    for verdict in app.grpc().validate_all(&tokens).await.unwrap() {
        assert_ne!(verdict.status(), SessionStatus::Active);
    }
}
