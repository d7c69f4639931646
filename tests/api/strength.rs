//! New passwords that follow a pattern are refused wherever one is set, and never at a login.

use vestibule::domain::TokenPurpose;

use crate::harness::{Database, Fault, Issue, PASSWORD, Server, email};

on_both_databases!(a_pattern_is_no_new_password_anywhere,);

/// (A2) By gRPC and REST; what the user's own row shows counts as well.
async fn a_pattern_is_no_new_password_anywhere(database: Database) {
    let plan = Server::on(database).await;
    let plan = plan.settings(|settings| settings.auth.password.min_strength = 2);
    let app = plan.start().await;
    let address = "grace.lovelock@bluebird-shipping.example";
    app.grpc().register(address, PASSWORD).await.unwrap();
    let account = app.account();
    for weak in ["Summer2026!", "Password123!", "qwertyuiop12"] {
        let registered = app.grpc().register(&email(), weak).await;
        let fault = Fault::from(registered);
        assert_eq!(fault.faults(), [("password", "PASSWORD_COMMON")], "{weak}");
        let reply = app.rest().register(&email(), weak).await;
        assert_eq!(reply.reason(), "INVALID_INPUT");
        assert!(
            !app.grpc().is_valid(&email(), weak).await,
            "it may be tried"
        );
    }
    for weak in ["Summer2026!", "Lovelock2026"] {
        let token = app.session_of(address).await;
        let changed = account.change_password(&token, PASSWORD, weak).await;
        let expected = [("new_password", "PASSWORD_COMMON")];
        assert_eq!(Fault::from(changed).faults(), expected, "{weak}");
        let reset = app
            .issue(address, Issue::of(TokenPurpose::PasswordReset))
            .await;
        let refused = account.reset_password(&reset, weak).await;
        assert_eq!(Fault::from(refused).faults(), expected, "{weak}");
        account.reset_password(&reset, PASSWORD).await.unwrap();
    }
}
