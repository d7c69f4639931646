//! The sections `smtp` and `mail`.

use super::*;
use crate::mail::{Delivery, SmtpTls};

fn smtp(server: &str) -> Sources {
    Sources::new()
        .flag("smtp.server", server)
        .flag("mail.from", "Example <accounts@example.com>")
        .flag("mail.link_base", "https://app.example.com")
}

fn server(sources: &Sources) -> (String, u16, SmtpTls) {
    match sources.loaded().application.mail {
        Delivery::Smtp(smtp) => (smtp.server.host, smtp.server.port, smtp.tls),
        other => panic!("{other:?}"),
    }
}

#[test]
fn without_a_server_mail_goes_nowhere_and_with_dev_to_the_terminal() {
    let delivery = |sources: Sources| sources.loaded().application.mail;
    assert!(matches!(delivery(Sources::new()), Delivery::Nowhere));
    assert!(matches!(
        delivery(Sources::new().dev()),
        Delivery::Terminal(_)
    ));
    assert!(matches!(
        delivery(smtp("smtp.example.com").dev()),
        Delivery::Smtp(_)
    ));
}

#[test]
fn that_no_mail_is_sent_is_warned_of_once_unless_it_is_printed() {
    let warnings = Sources::new().loaded().warnings;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].starts_with("smtp.server is not set"));
    let silent = [Sources::new().dev(), smtp("smtp.example.com")];
    for sources in silent {
        assert_eq!(sources.loaded().warnings, [""; 0]);
    }
    let sources = Sources::new();
    let migrate = DatabaseConfig::load(&sources.flags, &sources.environment());
    assert_eq!(migrate.unwrap().warnings, [""; 0]);
}

#[test]
fn the_port_follows_from_the_encryption_unless_it_is_given() {
    for (text, tls, host, port) in [
        ("smtp.example.com", "implicit", "smtp.example.com", 465),
        ("smtp.example.com", "starttls", "smtp.example.com", 587),
        (
            "smtp.example.com:2525",
            "starttls",
            "smtp.example.com",
            2525,
        ),
        ("[2001:db8::1]", "implicit", "2001:db8::1", 465),
        ("[::1]:2525", "none", "::1", 2525),
        ("localhost", "none", "localhost", 25),
    ] {
        let (found, number, _) = server(&smtp(text).flag("smtp.tls", tls));
        assert_eq!((found.as_str(), number), (host, port));
    }
    assert_eq!(server(&smtp("smtp.example.com")).2, SmtpTls::Implicit);
    for bad in [
        "",
        ":465",
        "smtp.example.com:",
        "smtp.example.com:0",
        "smtp.example.com:65536",
        "smtps://smtp.example.com",
        "user@smtp.example.com",
        "2001:db8::1",
        "[smtp.example.com]:465",
        "smtp.example.com\r\nX",
    ] {
        let (faults, _) = smtp(bad).faults();
        assert_eq!(faults, ["smtp.server (--smtp-server)"], "{bad:?}");
    }
}

#[test]
fn a_plaintext_server_beyond_loopback_is_refused() {
    let load = |host: &str| smtp(host).flag("smtp.tls", "none").load().is_ok();
    for good in ["localhost", "127.0.0.1:2525", "127.8.9.10", "[::1]"] {
        assert!(load(good), "{good}");
    }
    for bad in [
        "smtp.example.com",
        "10.0.0.1",
        "0.0.0.0",
        "[::]",
        "localhost.example.com",
    ] {
        assert!(!load(bad), "{bad}");
    }
}

#[test]
fn a_server_needs_a_sender_and_a_base_of_links() {
    let (faults, text) = Sources::new()
        .flag("smtp.server", "smtp.example.com")
        .faults();
    assert_eq!(faults, ["mail.from (default)", "mail.link_base (default)"]);
    assert!(text.contains("is not set, and smtp.server is"), "{text}");
    for (key, bad) in [
        ("mail.link_base", "http://app.example.com"),
        ("mail.link_base", "https://app.example.com/#x"),
        ("mail.link_base", "app.example.com"),
        ("mail.from", "Example"),
        ("mail.from", "Example\r\nBcc: x@example.com <a@example.com>"),
        ("mail.reset_lifetime", "59s"),
        ("mail.verification_lifetime", "31d"),
        ("mail.queue", "0"),
    ] {
        let (faults, _) = smtp("smtp.example.com").flag(key, bad).faults();
        assert_eq!(faults.len(), 1, "{key} {bad}");
        assert!(faults[0].starts_with(key), "{faults:?}");
    }
}

#[test]
fn half_a_login_and_settings_without_a_server_are_faults() {
    let (faults, _) = smtp("smtp.example.com")
        .flag("smtp.username", "mailer")
        .faults();
    assert_eq!(faults, ["smtp.username (--smtp-username)"]);
    let (faults, text) = smtp("smtp.example.com")
        .secret_file("VESTIBULE_SMTP_PASSWORD_FILE", "hunter2")
        .faults();
    assert_eq!(faults, ["smtp.password (VESTIBULE_SMTP_PASSWORD_FILE)"]);
    assert!(!text.contains("hunter2"));
    let (faults, _) = Sources::new()
        .flag("smtp.tls", "starttls")
        .flag("smtp.username", "mailer")
        .variable("VESTIBULE_SMTP_PASSWORD", "hunter2")
        .faults();
    assert_eq!(faults.len(), 2, "{faults:?}");
}

#[test]
fn an_authority_is_a_file_of_certificates() {
    for content in [
        "",
        "hunter2",
        "-----BEGIN CERTIFICATE-----\naHVudGVyMg==\n-----END CERTIFICATE-----\n",
    ] {
        let mut sources = smtp("smtp.example.com");
        let path = sources.written("ca.pem", content);
        let (faults, text) = sources.flag("smtp.ca", path.to_str().unwrap()).faults();
        assert_eq!(faults, ["smtp.ca (--smtp-ca)"], "{content}");
        assert!(!text.contains("hunter2"));
    }
    let (faults, _) = smtp("smtp.example.com")
        .flag("smtp.ca", "/nonexistent")
        .faults();
    assert_eq!(faults, ["smtp.ca (--smtp-ca)"]);
}

/// Links on the terminal open any account, so only callers on this machine may ask for them.
#[test]
fn printed_links_are_for_callers_on_this_machine() {
    let beyond = |sources: Sources| {
        sources
            .dev()
            .flag("grpc.listen", "0.0.0.0:50051")
            .flag("rest.listen", "[::]:8080")
    };
    let (faults, text) = beyond(Sources::new()).faults();
    assert_eq!(
        faults,
        ["grpc.listen (--grpc-listen)", "rest.listen (--rest-listen)"]
    );
    assert!(text.contains("with --dev mail is printed"), "{text}");
    assert!(beyond(smtp("smtp.example.com")).load().is_ok());
    let operations = Sources::new()
        .dev()
        .flag("operations.listen", "0.0.0.0:9090");
    assert!(operations.load().is_ok());
}
