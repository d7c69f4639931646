//! CVE-2025-61928, better-auth: a user id in the body stood in for the session.

use super::*;

on_both_databases!(a_user_id_stands_in_for_no_session,);

async fn a_user_id_stands_in_for_no_session(app: Server) {
    let (owner, other) = (app.owner().await, app.owner().await);
    for token in ["", &owner.id] {
        let calls = calls_with_session(token, PASSWORD).into_iter();
        for (method, message) in calls.chain(calls_about_sessions(token)) {
            let answer = app.wire().call(method, &message).await;
            assert_eq!(answer.code(), Code::Unauthenticated, "{method}");
        }
    }
    let path = format!("/users/{}", owner.id);
    assert_eq!(app.rest().get(&path).await.status, 401);
    assert_eq!(app.rest().get_as(&other.token, &path).await.status, 404);
    let found = app.users_as("").find(&owner.id).await;
    assert_eq!(Fault::from(found).reason, "CALLER_UNAUTHENTICATED");
}
