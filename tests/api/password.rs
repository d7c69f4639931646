//! The password policy as a caller meets it.

use tonic::Code;

use crate::harness::{Database, Fault, PASSWORD, Server, email, figure, scale};

on_both_databases!(
    the_policy_is_kept_case_by_case,
    every_printable_character_counts,
    a_password_that_differs_in_its_last_character_is_another,
    composed_and_decomposed_text_are_one_password,
    spaces_and_case_are_kept,
    a_password_that_may_not_be_set_may_still_be_tried,
);

/// What a new password answers: `None` is taken.
async fn fault_of(app: &Server, password: &str) -> Option<String> {
    let outcome = app.grpc().register(&email(), password).await;
    let Err(status) = outcome else { return None };
    let fault = Fault::of(&status);
    assert_eq!(fault.meaning(), (Code::InvalidArgument, "INVALID_INPUT"));
    assert_eq!(fault.violations.len(), 1, "{password:?}");
    assert_eq!(fault.violations[0].0, "password");
    Some(fault.violations[0].1.clone())
}

/// (A2) Lengths are code points after NFC; 1,024 bytes are looked at.
async fn the_policy_is_kept_case_by_case(app: Server) {
    let ok = None;
    let fault = |reason: &str| Some(reason.to_owned());
    for (password, expected) in [
        ("q7#kW2z".to_owned(), fault("PASSWORD_TOO_SHORT")),
        ("q7#kW2zP".to_owned(), ok.clone()),
        ("pLx7".repeat(32), ok.clone()),
        (
            format!("{}!", "pLx7".repeat(32)),
            fault("PASSWORD_TOO_LONG"),
        ),
        ("🦜🐦🦆🦉🐧🦢🦚🦩".to_owned(), ok.clone()),
        ("🦜🐦🦆🦉🐧🦢🦚".to_owned(), fault("PASSWORD_TOO_SHORT")),
        // Eight marks on seven letters are eight characters, composed to seven: too short.
        ("q7#kWe\u{301}z".to_owned(), fault("PASSWORD_TOO_SHORT")),
        ("x".repeat(1_025), fault("PASSWORD_TOO_LONG")),
        ("x".repeat(40_000), fault("PASSWORD_TOO_LONG")),
        ("nul in\0side".to_owned(), fault("INVALID_FIELD")),
        ("a line\nbreak".to_owned(), fault("INVALID_FIELD")),
        ("next line\u{85}".to_owned(), fault("INVALID_FIELD")),
        ("password".to_owned(), fault("PASSWORD_COMMON")),
        ("PASSWORD1".to_owned(), fault("PASSWORD_COMMON")),
        ("Vestibule".to_owned(), fault("PASSWORD_COMMON")),
        ("vestibule opens at nine".to_owned(), ok.clone()),
        (" ".repeat(9), ok),
    ] {
        assert_eq!(fault_of(&app, &password).await, expected, "{password:?}");
    }
    for own in [
        "someone.known",
        "someone.known@example.com",
        "SOMEONE.KNOWN",
    ] {
        let outcome = app.grpc().register("someone.known@example.com", own).await;
        assert_eq!(
            Fault::from(outcome).faults(),
            [("password", "PASSWORD_COMMON")]
        );
    }
}

/// (A2) All 95 of ASCII.
async fn every_printable_character_counts(database: Database) {
    let app = Server::on(database).await.unthrottled().start().await;
    let all: String = (' '..='~').collect();
    let address = email();
    app.grpc().register(&address, &all).await.unwrap();
    assert!(app.grpc().is_valid(&address, &all).await);
    let step = scale(9, 1);
    for left_out in (0..all.len()).step_by(step) {
        let mut other = all.clone();
        other.remove(left_out);
        assert!(!app.grpc().is_valid(&address, &other).await);
    }
}

/// (A2) Nothing is cut: pairs of 128 characters, 8 in CI, 500 for the scorecard.
async fn a_password_that_differs_in_its_last_character_is_another(app: Server) {
    let count = scale(8, 500);
    for turn in 0..count {
        let stem = format!("{turn:->127}");
        let address = email();
        app.grpc()
            .register(&address, &format!("{stem}a"))
            .await
            .unwrap();
        assert!(app.grpc().is_valid(&address, &format!("{stem}a")).await);
        assert!(!app.grpc().is_valid(&address, &format!("{stem}b")).await);
        assert!(!app.grpc().is_valid(&address, &stem).await);
    }
    figure("A2", format_args!("{count} pairs, 0 cross-verified"));
}

/// (A2) NFC once, at both ends.
async fn composed_and_decomposed_text_are_one_password(app: Server) {
    for (set, tried) in [
        ("caf\u{e9} at eight", "cafe\u{301} at eight"),
        ("cafe\u{301} at eight", "caf\u{e9} at eight"),
        ("\u{c5}ngstr\u{f6}m unit", "\u{212b}ngstro\u{308}m unit"),
    ] {
        let address = email();
        app.grpc().register(&address, set).await.unwrap();
        assert!(app.grpc().is_valid(&address, tried).await, "{tried}");
    }
    // Compatibility variants are other passwords: NFC, not NFKC.
    let address = email();
    app.grpc().register(&address, "ﬁnd the way").await.unwrap();
    assert!(!app.grpc().is_valid(&address, "find the way").await);
}

/// (A2) No trim, no case-fold.
async fn spaces_and_case_are_kept(app: Server) {
    let address = email();
    let password = format!(" {PASSWORD} ");
    app.grpc().register(&address, &password).await.unwrap();
    assert!(app.grpc().is_valid(&address, &password).await);
    for other in [
        PASSWORD.to_owned(),
        format!(" {PASSWORD}"),
        password.to_uppercase(),
    ] {
        assert!(!app.grpc().is_valid(&address, &other).await, "{other:?}");
    }
}

/// (A2) A raised policy locks nobody out, so a login tells a short or common password nothing but
/// its verdict.
async fn a_password_that_may_not_be_set_may_still_be_tried(database: Database) {
    let app = Server::on(database).await.unthrottled().start().await;
    let user = app.grpc().registered().await;
    for tried in ["x", "password", "Vestibule", &user.email] {
        assert!(!app.grpc().is_valid(&user.email, tried).await);
        let fault = Fault::from(app.grpc().open(&user.email, tried).await);
        assert_eq!(fault.meaning(), (Code::Unauthenticated, "BAD_CREDENTIALS"));
    }
    for (tried, reason) in [
        (String::new(), "PASSWORD_TOO_SHORT"),
        ("x".repeat(129), "PASSWORD_TOO_LONG"),
        ("x".repeat(1_025), "PASSWORD_TOO_LONG"),
        ("a\0b".to_owned(), "INVALID_FIELD"),
    ] {
        let faults = [
            Fault::from(app.grpc().login(&user.email, &tried).await),
            Fault::from(app.grpc().open(&user.email, &tried).await),
        ];
        for fault in faults {
            assert_eq!(fault.faults(), [("password", reason)]);
        }
    }
}
