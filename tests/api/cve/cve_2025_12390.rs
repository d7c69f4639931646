//! CVE-2025-12390, Keycloak, and its session fixation (CVE-2026-7507): a session id was used again,
//! for another user.

use super::*;

on_both_databases!(every_login_has_a_session_of_its_own,);

async fn every_login_has_a_session_of_its_own(app: Server) {
    let (one, two) = (app.owner().await, app.owner().await);
    let mut seen = HashSet::new();
    for _ in 0..10 {
        for user in [&one, &two] {
            let token = app.session_of(&user.email).await;
            let verdict = app.grpc().validate(&token).await.unwrap();
            assert_eq!(verdict.user.unwrap().id, user.id);
            assert!(seen.insert(verdict.session.unwrap().id));
            assert!(seen.insert(token));
        }
    }
}
