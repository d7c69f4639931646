//! New passwords that follow a pattern are refused wherever one is set, and never at a login.

use std::{fs, sync::Arc};

use vestibule::{auth::BreachedPasswords, domain::TokenPurpose};

use crate::harness::{Database, Fault, Issue, PASSWORD, Server, ServerProcess, email};

on_both_databases!(
    a_pattern_is_no_new_password_anywhere,
    a_breached_password_is_set_nowhere,
);

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

/// (A2) The list is made as an operator makes it. A breached password may still be tried.
async fn a_breached_password_is_set_nowhere(database: Database) {
    // Of nothing, and of the password.
    let list =
        "7F4B1E0E5A5C1B0B2C1B0A5D4C3B2A1908070605:3\n3719F8EC51A625222728000A0A9414A7D65B7F00:9\n";
    let breached = "a heron sings at thirteen";
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("list"), list).unwrap();
    let [from, to] = ["list", "filter"].map(|name| path(name).to_str().unwrap().to_owned());
    let built = ServerProcess::run(&["breached", "build", &from, &to], &[]).await;
    assert_eq!(built.code(), Some(0), "{}", built.output);
    assert!(built.output.contains("the 2 most frequent of 2 passwords"));

    let opened = Arc::new(BreachedPasswords::open(&path("filter")).unwrap());
    let plan = Server::on(database).await;
    let app = plan
        .settings(|settings| settings.auth.breached = Some(opened))
        .start()
        .await;
    let owner = app.owner().await;
    let registered = app.grpc().register(&email(), breached).await;
    let fault = Fault::from(registered);
    assert_eq!(fault.faults(), [("password", "PASSWORD_BREACHED")]);
    let reply = app.rest().register(&email(), breached).await;
    assert_eq!(
        reply.faults(),
        [("password".to_owned(), "PASSWORD_BREACHED".to_owned())]
    );
    let expected = [("new_password", "PASSWORD_BREACHED")];
    let changed = app
        .account()
        .change_password(&owner.token, PASSWORD, breached)
        .await;
    assert_eq!(Fault::from(changed).faults(), expected);
    let reset = app.reset_token(&owner.email).await;
    let refused = app.account().reset_password(&reset, breached).await;
    assert_eq!(Fault::from(refused).faults(), expected);
    app.account()
        .reset_password(&reset, PASSWORD)
        .await
        .unwrap();
    assert!(!app.grpc().is_valid(&owner.email, breached).await);
}
