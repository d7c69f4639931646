//! CVE-2025-52553, authentik: a link to a session worked without the session that it was made for.

use super::*;

on_both_databases!(a_page_token_opens_nobody_elses_list,);

async fn a_page_token_opens_nobody_elses_list(app: Server) {
    let (owner, other) = (app.owner().await, app.owner().await);
    for _ in 0..3 {
        app.session_of(&owner.email).await;
        app.session_of(&other.email).await;
    }
    let page = app.account().list(&owner.token, (2, "")).await.unwrap();
    let next = page.next_page_token;
    assert!(!next.is_empty());
    let own = app.account().list(&other.token, (100, "")).await.unwrap();
    let own: HashSet<_> = own.sessions.into_iter().map(|session| session.id).collect();
    // A page token is a place in a list; whose list it is, the session says.
    let foreign = app.account().list(&other.token, (2, &next)).await.unwrap();
    assert!(
        foreign
            .sessions
            .iter()
            .all(|session| own.contains(&session.id))
    );
    assert!(app.account().list("", (2, &next)).await.is_err());
}
