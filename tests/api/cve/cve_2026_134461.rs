//! CVE-2026-134461, Web-Token, and every format that tells its own cost: whoever sent it chose how
//! long it took.

use super::*;

on_both_databases!(a_hash_does_not_choose_its_cost,);

async fn a_hash_does_not_choose_its_cost(app: Server) {
    let costly = [
        "$pbkdf2-sha256$4294967295$JySEcK619l6rtZbSOkfo3Q$o7AEmNkPO/8p5kjiewcjHShMOPYQglhA7eZoqQwTUk4",
        "$argon2id$v=19$m=4194304,t=2,p=1$c2l4dGVlbiBieXRlIHNsdA$ya9pugKzm+bGj6naJLA/eG7wZDHyzZcM0GVxmRXBPjs",
        "$argon2id$v=19$m=64,t=4294967295,p=1$c2l4dGVlbiBieXRlIHNsdA$ya9pugKzm+bGj6naJLA/eG7wZDHyzZcM0GVxmRXBPjs",
        "$scrypt$ln=30,r=8,p=1$UKqV8t7buxciBMB4T4nxHg$mOXfJOtta8lxal3YFrwczOgAy0NVzP3H5TuQ8bcXaJk",
        "$2b$31$Q58qEJ7X9/4iqMNJtp6ALuimd2ZPx1V6CcTC9JnWr4wYJk1nI.h4m",
    ];
    let lines =
        costly.map(|hash| serde_json::json!({"email": email(), "password_hash": hash}).to_string());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("users.jsonl");
    std::fs::write(&file, lines.join("\n")).unwrap();
    let arguments = ["users", "import", file.to_str().unwrap()];
    let finished = ServerProcess::run_over(&app.store, &arguments).await;
    assert_ne!(finished.code(), Some(0), "{}", finished.output);
    assert_eq!(app.store.rows("users").await, 0);
}
