//! CVE-2026-55670, ZITADEL: a deleted user's id could be given to another user, who got what was
//! left of the first.

use super::*;

on_both_databases!(the_id_of_a_deleted_user_is_nobodys_again,);

async fn the_id_of_a_deleted_user_is_nobodys_again(app: Server) {
    let owner = app.owner().await;
    let users = app.users().await;
    users.delete(&owner.id).await.unwrap();
    let id = UserId::parse(&owner.id).unwrap();
    let line = serde_json::json!({"id": id.to_string(), "email": email(), "password_hash": HASH});
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("users.jsonl");
    std::fs::write(&file, line.to_string()).unwrap();
    let arguments = ["users", "import", file.to_str().unwrap()];
    let finished = ServerProcess::run_over(&app.store, &arguments).await;
    assert_ne!(finished.code(), Some(0), "{}", finished.output);
    assert!(users.find(&owner.id).await.is_err());
    assert_eq!(
        app.grpc().verdict(&owner.token).await,
        SessionStatus::NotFound
    );
}
