//! CVE-2025-64102, ZITADEL: codes could be guessed as often as one liked.

use super::*;

on_both_databases!(a_source_guesses_only_so_many_tokens,);

async fn a_source_guesses_only_so_many_tokens(database: Database) {
    let plan = Server::on(database).await;
    let app = plan
        .settings(|settings| {
            let policy = settings.auth.throttle.as_mut().unwrap();
            policy.source = Budget::hourly(3);
        })
        .start()
        .await;
    let guess = async || {
        let token = Token::<PasswordResetKind>::new(OneTimeTokenId::new(Uuid::new_v4()), [7; 32]);
        let request = ResetPasswordRequest {
            reset_token: token.expose().to_string(),
            new_password: NEW.into(),
            client: Some(client_at("192.0.2.1")),
        };
        Fault::from(app.account().reset(request).await).reason
    };
    for _ in 0..3 {
        assert_eq!(guess().await, "TOKEN_INVALID");
    }
    assert_eq!(guess().await, "LOGIN_THROTTLED");
}
