//! What a gRPC client finds in the headers or trailers of a failed call.

use super::*;
use crate::{auth::AuthError, proto::v1::ErrorReason, transport::failure::Violation};

fn written(failure: &Failure, request_id: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    write_status(&mut headers, failure, request_id);
    headers
}

/// The details by the last part of their type.
fn decode(headers: &HeaderMap) -> rpc::Status {
    let status = Status::from_header_map(headers).unwrap();
    rpc::Status::decode(status.details()).unwrap()
}

fn detail<M: Message + Default>(status: &rpc::Status, name: &str) -> Option<M> {
    let url = format!("type.googleapis.com/google.rpc.{name}");
    let any = status.details.iter().find(|any| any.type_url == url)?;
    Some(M::decode(&*any.value).unwrap())
}

/// (W9)
#[test]
fn every_failure_names_its_reason_and_its_request() {
    let headers = written(&AuthError::EmailTaken.into(), "r-1");
    assert_eq!(headers["grpc-status"], "6");
    let status = decode(&headers);
    assert_eq!(
        (status.code, &*status.message),
        (6, "email already registered")
    );
    let info: ErrorInfo = detail(&status, "ErrorInfo").unwrap();
    assert_eq!((&*info.reason, &*info.domain), ("EMAIL_TAKEN", DOMAIN));
    let request: RequestInfo = detail(&status, "RequestInfo").unwrap();
    assert_eq!(request.request_id, "r-1");
    let help: Help = detail(&status, "Help").unwrap();
    assert_eq!(help.links[0].url, "docs/errors.md#email_taken");
    assert_eq!(status.details.len(), 3);
}

/// (W10)
#[test]
fn every_violation_has_its_own_reason() {
    let failure = Failure::invalid_input(vec![
        Violation::new("email", ErrorReason::InvalidEmail, "must be an address"),
        Violation::new("password", ErrorReason::PasswordCommon, "is common"),
    ]);
    let bad: BadRequest = detail(&decode(&written(&failure, "r")), "BadRequest").unwrap();
    let violations: Vec<_> = bad
        .field_violations
        .iter()
        .map(|v| (&*v.field, &*v.reason, &*v.description))
        .collect();
    assert_eq!(
        violations,
        [
            ("email", "INVALID_EMAIL", "must be an address"),
            ("password", "PASSWORD_COMMON", "is common"),
        ]
    );
}

/// (W20) A status travels in headers, so it is bounded whatever was sent.
#[test]
fn violations_are_cut_to_sixteen_of_two_hundred_characters() {
    let long = Violation::new(&"ü".repeat(999), ErrorReason::UnknownField, "é".repeat(999));
    assert_eq!(long.field.chars().count(), 200);
    let failure = Failure::invalid_input(vec![long; 999]);
    assert_eq!(failure.violations().len(), 16);
}

/// (W17)
#[test]
fn waits_are_in_the_details_and_for_retrying_clients() {
    let wait = Duration::from_micros(1_500_001);
    let overloaded = AuthError::Overloaded { retry_after: wait };
    let headers = written(&overloaded.into(), "r");
    assert_eq!(headers["grpc-retry-pushback-ms"], "1501");
    let retry: RetryInfo = detail(&decode(&headers), "RetryInfo").unwrap();
    let delay = retry.retry_delay.unwrap();
    assert_eq!((delay.seconds, delay.nanos), (1, 500_001_000));

    let headers = written(&Failure::Draining, "r");
    assert!(!headers.contains_key("grpc-retry-pushback-ms"));
    let retry: RetryInfo = detail(&decode(&headers), "RetryInfo").unwrap();
    assert_eq!(retry.retry_delay.unwrap().seconds, 1);

    let headers = written(&Failure::MessageTooLarge, "r");
    assert!(detail::<RetryInfo>(&decode(&headers), "RetryInfo").is_none());
}

/// (L3)
#[test]
fn a_fault_of_ours_names_its_request_and_not_its_cause() {
    let cause = AuthError::Internal("SELECT secret FROM users".into());
    let failure = Failure::from(cause);
    assert_eq!(
        failure.cause().as_deref(),
        Some("internal error: SELECT secret FROM users")
    );
    let headers = written(&failure, "r-7");
    let status = decode(&headers);
    assert_eq!(status.message, "internal error (request r-7)");
    assert!(!format!("{headers:?} {status:?}").contains("SELECT"));
}
