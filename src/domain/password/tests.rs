//! The password policy, case by case.

use proptest::prelude::*;

use super::*;

const POLICY: PasswordPolicy = PasswordPolicy {
    min_length: 8,
    min_strength: 0,
};

fn faults(text: &str) -> Vec<PasswordFault> {
    NewPassword::parse(text, POLICY, None)
        .err()
        .unwrap_or_default()
}

#[test]
fn lengths_are_counted_in_code_points_after_nfc() {
    let short = [PasswordFault::TooShort { minimum: 8 }];
    assert_eq!(faults("zqxjkvy"), short);
    assert_eq!(
        faults("zqxjkve\u{301}"),
        short,
        "e and an accent are one code point in NFC"
    );
    assert_eq!(faults("zqxjkvwy"), []);
    assert_eq!(faults(&"🦀".repeat(8)), []);
    assert_eq!(faults(&"🦀".repeat(128)), []);
    assert_eq!(faults(&"🦀".repeat(129)), [PasswordFault::TooLong]);
    assert_eq!(faults(&"z".repeat(1025)), [PasswordFault::TooLong]);
}

#[test]
fn every_fault_is_reported_at_once() {
    assert_eq!(
        faults("\u{7}"),
        [
            PasswordFault::TooShort { minimum: 8 },
            PasswordFault::ControlCharacter
        ]
    );
    let strict = PasswordPolicy {
        min_length: 15,
        ..POLICY
    };
    assert_eq!(
        NewPassword::parse("password123", strict, None).unwrap_err(),
        [
            PasswordFault::TooShort { minimum: 15 },
            PasswordFault::Common
        ]
    );
}

#[test]
fn what_an_attacker_tries_first_is_refused_in_any_case() {
    let email = Email::parse("Ada.Lovelace@Example.com").unwrap();
    for guess in [
        "password1",
        "PassWord1",
        "Vestibule",
        "ada.lovelace",
        "ADA.LOVELACE@example.com",
    ] {
        assert_eq!(
            NewPassword::parse(guess, POLICY, Some(&email)).unwrap_err(),
            [PasswordFault::Common],
            "{guess}"
        );
    }
    assert!(
        NewPassword::parse("vestibule opens at nine", POLICY, Some(&email)).is_ok(),
        "compared whole"
    );
}

#[test]
fn an_attempt_keeps_the_received_text_beside_its_nfc() {
    let attempt = PasswordAttempt::parse("cafe\u{301}").unwrap();
    assert_eq!(attempt.as_bytes(), "caf\u{e9}".as_bytes());
    assert_eq!(attempt.as_received(), "cafe\u{301}".as_bytes());
}

#[test]
fn an_attempt_knows_no_policy() {
    assert!(PasswordAttempt::parse("1").is_ok());
    assert!(PasswordAttempt::parse("password1").is_ok());
    assert_eq!(
        PasswordAttempt::parse("").unwrap_err(),
        [PasswordFault::TooShort { minimum: 1 }]
    );
    assert_eq!(
        PasswordAttempt::parse("a\0b").unwrap_err(),
        [PasswordFault::ControlCharacter]
    );
}

#[test]
fn nfc_and_nfd_are_one_password_and_nothing_is_trimmed() {
    let bytes = |text: &str| PasswordAttempt::parse(text).unwrap().as_bytes().to_vec();
    assert_eq!(bytes("p\u{e4}ssw\u{f6}rt"), bytes("pa\u{308}sswo\u{308}rt"));
    assert_ne!(bytes(" secret"), bytes("secret"));
    assert_ne!(bytes("Secret"), bytes("secret"));
}

#[test]
fn debug_prints_no_password() {
    let attempt = PasswordAttempt::parse("canary in the mine").unwrap();
    let new = NewPassword::parse("canary in the mine", POLICY, None).unwrap();
    assert!(!format!("{attempt:?} {new:?}").contains("canary"));
}

proptest! {
    #[test]
    fn an_attempt_is_never_longer_than_the_limit(text in any::<String>()) {
        if let Ok(attempt) = PasswordAttempt::parse(&text) {
            let text = std::str::from_utf8(attempt.as_bytes()).unwrap();
            prop_assert!((1..=128).contains(&text.chars().count()));
            prop_assert!(!text.chars().any(char::is_control));
        }
    }

    /// A password that may be set can be presented to log in.
    #[test]
    fn a_new_password_is_an_attempt(text in "\\PC{0,140}") {
        if let Ok(new) = NewPassword::parse(&text, POLICY, None) {
            let attempt = PasswordAttempt::parse(&text).unwrap();
            prop_assert_eq!(new.as_bytes(), attempt.as_bytes());
        }
    }
}
