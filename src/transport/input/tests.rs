//! Faults are found all at once, each under its own reason.

use super::*;
use crate::domain::PasswordPolicy;
use crate::transport::error_table::wire_name;

const GOOD_PASSWORD: &str = "vestibule opens at nine";
const RULES: PasswordRules<'static> = PasswordRules {
    policy: PasswordPolicy {
        min_length: 8,
        min_strength: 0,
    },
    breached: None,
};

fn raw<'a>(email: &'a str, password: &'a str) -> RawRegistration<'a> {
    RawRegistration {
        email: Some(email),
        password: Some(password),
        request_id: ("request_id", Some("")),
        client: None,
        unknown: Vec::new(),
    }
}

fn faults<T>(result: Result<T, Failure>) -> Vec<(String, &'static str)> {
    let Err(failure) = result else {
        return Vec::new();
    };
    let violations = failure.violations().iter();
    violations
        .map(|v| (v.field.clone(), wire_name(v.reason)))
        .collect()
}

fn pairs(expected: &[(&str, &'static str)]) -> Vec<(String, &'static str)> {
    expected
        .iter()
        .map(|(f, r)| ((*f).to_owned(), *r))
        .collect()
}

fn call() -> CallContext {
    CallContext::new(tokio::time::Instant::now(), String::new())
}

#[test]
fn good_input_becomes_a_command() {
    let client = v1::ClientInfo {
        ip: "192.0.2.1".to_owned(),
        user_agent: "curl".to_owned(),
    };
    let mut raw = raw("Ada@example.com", GOOD_PASSWORD);
    raw.request_id.1 = Some("018C2E65-4b7e-7cc3-98c4-dc0c0c07398f");
    raw.client = Some(&client);
    let command = registration(&call(), &raw, RULES).unwrap();
    assert_eq!(command.email.as_given(), "Ada@example.com");
    assert!(command.request_id.is_some() && command.client.ip.is_some());
    assert!(credentials(&call(), "ada@example.com", "x", None).is_ok());
}

/// (W10)
#[test]
fn every_fault_of_a_registration_is_found_in_the_order_of_the_fields() {
    let client = v1::ClientInfo {
        ip: "192.0.2.1:80".to_owned(),
        ..v1::ClientInfo::default()
    };
    let bad = RawRegistration {
        email: Some("ada"),
        password: Some("a\0"),
        request_id: ("Idempotency-Key", Some("1")),
        client: Some(&client),
        unknown: vec!["role", "user_id"],
    };
    assert_eq!(
        faults(registration(&call(), &bad, RULES)),
        pairs(&[
            ("email", "INVALID_EMAIL"),
            ("password", "PASSWORD_TOO_SHORT"),
            ("password", "INVALID_FIELD"),
            ("Idempotency-Key", "INVALID_FIELD"),
            ("role", "UNKNOWN_FIELD"),
            ("user_id", "UNKNOWN_FIELD"),
        ])
    );
}

#[test]
fn what_is_no_text_has_one_fault() {
    let bad = RawRegistration {
        email: None,
        password: None,
        request_id: ("request_id", None),
        ..raw("", "")
    };
    assert_eq!(
        faults(registration(&call(), &bad, RULES)),
        pairs(&[
            ("email", "INVALID_FIELD"),
            ("password", "INVALID_FIELD"),
            ("request_id", "INVALID_FIELD"),
        ])
    );
}

/// (A2) The policy holds where a password is set; at login only the form counts.
#[test]
fn password_faults_have_their_reasons() {
    let long = "é".repeat(129);
    let huge = "x".repeat(1 << 20);
    for (password, at_registration, at_login) in [
        ("", Some("PASSWORD_TOO_SHORT"), Some("PASSWORD_TOO_SHORT")),
        ("short", Some("PASSWORD_TOO_SHORT"), None),
        ("password1", Some("PASSWORD_COMMON"), None),
        ("ada@example.com", Some("PASSWORD_COMMON"), None),
        (&long, Some("PASSWORD_TOO_LONG"), Some("PASSWORD_TOO_LONG")),
        (&huge, Some("PASSWORD_TOO_LONG"), Some("PASSWORD_TOO_LONG")),
        (
            "nine\nlines\n",
            Some("INVALID_FIELD"),
            Some("INVALID_FIELD"),
        ),
        (GOOD_PASSWORD, None, None),
    ] {
        let email = "ada@example.com";
        let expected = |reason: Option<&'static str>| {
            let expected: Vec<_> = reason.map(|r| ("password", r)).into_iter().collect();
            pairs(&expected)
        };
        let shown: String = password.chars().take(20).collect();
        let registered = faults(registration(&call(), &raw(email, password), RULES));
        assert_eq!(registered, expected(at_registration), "{shown:?}");
        let logged_in = faults(credentials(&call(), email, password, None));
        assert_eq!(logged_in, expected(at_login), "{shown:?}");
    }
}

#[test]
fn only_an_empty_or_overlong_token_is_the_callers_fault() {
    assert!(session_token("anything").is_ok());
    let expected = pairs(&[("session_token", "INVALID_FIELD")]);
    assert_eq!(faults(session_token("")), expected);
    assert_eq!(faults(session_token(&"x".repeat(513))), expected);
}

#[test]
fn the_input_never_comes_back_in_a_fault() {
    let failure = registration(&call(), &raw("canary-mail", "canary\x07"), RULES).unwrap_err();
    assert!(!format!("{failure:?}").contains("canary"));
}
