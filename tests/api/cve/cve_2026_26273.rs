//! CVE-2026-26273, Known: the answer to whoever asked for a reset held the token.

use super::*;

on_both_databases!(an_answer_to_whoever_asks_holds_nothing,);

async fn an_answer_to_whoever_asks_holds_nothing(app: Server) {
    let owner = app.owner().await;
    for address in [owner.email, email()] {
        let reset = RequestPasswordResetRequest {
            email: address.clone(),
            client: None,
        };
        let reply = app
            .wire()
            .ask("AccountService/RequestPasswordReset", &reset)
            .await;
        assert_eq!(reply.code(), Code::Ok);
        // A frame of an empty message.
        assert_eq!(reply.body.as_ref(), [0; 5]);
    }
}
