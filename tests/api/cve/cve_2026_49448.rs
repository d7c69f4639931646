//! CVE-2026-49448, authentik: an empty request passed a stage that had to prove something.

use super::*;

on_both_databases!(an_empty_message_proves_nothing,);

async fn an_empty_message_proves_nothing(app: Server) {
    app.owner().await;
    // Verdicts, of which there are none here or NOT_FOUND.
    let asks = ["ValidateSession", "BatchValidateSessions"];
    for method in methods_of(&["AuthService", "AccountService"]) {
        let answer = app.wire().call(&method, &[]).await;
        let is_refused = answer.code() != Code::Ok;
        assert!(
            is_refused || asks.iter().any(|name| method.ends_with(name)),
            "{method}"
        );
    }
}
