//! CVE-2025-64521, authentik: a service account could log in after it was deactivated.

use super::*;

on_both_databases!(the_key_of_a_removed_caller_is_refused,);

async fn the_key_of_a_removed_caller_is_refused(app: Server) {
    let key = app.caller("desk", &methods_of(&["UserService"])).await;
    let users = app.users_as(&key);
    let owner = app.owner().await;
    users.find(&owner.id).await.unwrap();
    let callers = Callers::new(app.db.clone(), Clock::system());
    let deadline = Instant::now() + Duration::from_secs(10);
    let name = CallerName::parse("desk").unwrap();
    callers.remove(name, deadline).await.unwrap();
    eventually("the key is refused", async || {
        users.find(&owner.id).await.is_err()
    })
    .await;
    let found = users.find(&owner.id).await;
    assert_eq!(Fault::from(found).reason, "CALLER_UNAUTHENTICATED");
}
