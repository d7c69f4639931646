//! The whole table as a snapshot, so that a changed code or reason is seen in review.

use std::time::Duration;

use super::*;
use crate::{auth::ProofFault, transport::call_metrics::HTTP_STATUSES};

/// One failure for each row; a database that is away has that of a drain.
fn all() -> Vec<Failure> {
    let of_auth = [
        AuthError::EmailTaken,
        AuthError::RequestIdReused,
        AuthError::BadCredentials,
        AuthError::CurrentPasswordWrong,
        AuthError::SessionInvalid,
        AuthError::UserNotFound,
        AuthError::UserDisabled,
        AuthError::TokenInvalid,
        AuthError::ProofRequired,
        AuthError::EmailNotVerified,
        AuthError::ReauthenticationRequired,
        AuthError::RateLimited {
            retry_after: Duration::ZERO,
        },
        AuthError::LoginThrottled {
            retry_after: Duration::ZERO,
        },
        AuthError::EtagMismatch,
        AuthError::CallerUnauthenticated(ProofFault::NoProof),
        AuthError::Overloaded {
            retry_after: Duration::ZERO,
        },
        AuthError::DeadlineExceeded,
        AuthError::Internal("".into()),
    ];
    let mut all = vec![
        Failure::InvalidInput(Vec::new()),
        Failure::Malformed,
        Failure::MessageTooLarge,
        Failure::HeadersTooLarge,
        Failure::UnknownRoute,
        Failure::WrongMethod,
        Failure::WrongMediaType,
        Failure::UnknownName,
        Failure::CallerNotAllowed,
        Failure::CrossOrigin,
        Failure::Draining,
    ];
    all.extend(of_auth.map(Failure::from));
    all
}

fn codes() -> Vec<ErrorCode> {
    all().iter().map(Failure::code).collect()
}

/// Reasons that stand in a violation and never for a whole call.
const OF_FIELDS: [ErrorReason; 9] = [
    ErrorReason::InvalidField,
    ErrorReason::InvalidEmail,
    ErrorReason::PasswordTooShort,
    ErrorReason::PasswordTooLong,
    ErrorReason::PasswordCommon,
    ErrorReason::PasswordBreached,
    ErrorReason::UnknownField,
    ErrorReason::PageTokenInvalid,
    ErrorReason::FieldMaskInvalid,
];

#[test]
fn the_error_table_is_what_callers_know() {
    let row = |code: ErrorCode| {
        let (grpc, http) = (grpc_name(code.grpc), code.http.as_u16());
        let reason = wire_name(code.reason);
        format!("{grpc:19} {http} {reason:22} {}", code.text)
    };
    let rows: Vec<_> = codes().into_iter().map(row).collect();
    insta::assert_snapshot!(rows.join("\n"), @r"
    INVALID_ARGUMENT    400 INVALID_INPUT          at least one field is invalid
    INVALID_ARGUMENT    400 MALFORMED_REQUEST      the request cannot be read
    RESOURCE_EXHAUSTED  413 MESSAGE_TOO_LARGE      the message is too large
    RESOURCE_EXHAUSTED  431 MESSAGE_TOO_LARGE      the header list is too large
    UNIMPLEMENTED       404 UNSUPPORTED            there is no such method or route
    UNIMPLEMENTED       405 UNSUPPORTED            the route does not have this method
    UNIMPLEMENTED       415 UNSUPPORTED            the route does not take this media type
    NOT_FOUND           404 UNSUPPORTED            there is no such service or symbol
    PERMISSION_DENIED   403 CALLER_NOT_ALLOWED     the caller may not call this method
    PERMISSION_DENIED   403 CROSS_ORIGIN           a page of another origin may not do this
    UNAVAILABLE         503 UNAVAILABLE            temporarily unavailable
    ALREADY_EXISTS      409 EMAIL_TAKEN            email already registered
    ALREADY_EXISTS      409 REQUEST_ID_REUSED      the request id was used for another request
    UNAUTHENTICATED     401 BAD_CREDENTIALS        wrong email or password
    UNAUTHENTICATED     401 BAD_CREDENTIALS        wrong current password
    UNAUTHENTICATED     401 SESSION_INVALID        a valid session is required
    NOT_FOUND           404 USER_NOT_FOUND         there is no such user
    FAILED_PRECONDITION 409 USER_DISABLED          the user is disabled
    FAILED_PRECONDITION 400 TOKEN_INVALID          the token is invalid or was used
    FAILED_PRECONDITION 403 PROOF_REQUIRED         a session or the password is required besides the token
    FAILED_PRECONDITION 409 EMAIL_NOT_VERIFIED     the address of the user was never verified
    FAILED_PRECONDITION 403 REAUTHENTICATION_REQUIRED the user must prove the password again
    RESOURCE_EXHAUSTED  429 RATE_LIMITED           too often, nothing was done
    RESOURCE_EXHAUSTED  429 LOGIN_THROTTLED        too many failed tries, nothing was checked
    ABORTED             409 ETAG_MISMATCH          the user was changed meanwhile
    UNAUTHENTICATED     401 CALLER_UNAUTHENTICATED a known caller is required
    UNAVAILABLE         503 OVERLOADED             overloaded, nothing was done
    DEADLINE_EXCEEDED   504 DEADLINE_EXCEEDED      the deadline passed, the work may have been done
    INTERNAL            500 INTERNAL               internal error
    ");
}

#[test]
fn every_reason_is_that_of_a_call_or_of_a_field() {
    let codes = codes();
    let numbers = 1..100;
    for reason in numbers.filter_map(|number| ErrorReason::try_from(number).ok()) {
        let of_call = codes.iter().any(|code| code.reason == reason);
        assert!(of_call != OF_FIELDS.contains(&reason), "{reason:?}");
    }
}

/// (W9)
#[test]
fn reasons_have_the_form_that_google_asks_for() {
    for code in codes() {
        let name = wire_name(code.reason);
        let upper = |b: u8| b.is_ascii_uppercase() || b == b'_';
        assert!(
            (3..=63).contains(&name.len()) && name.bytes().all(upper),
            "{name}"
        );
        assert!(!name.starts_with('_') && !name.ends_with('_'));
    }
}

#[test]
fn texts_are_bounded_and_lower_case() {
    for code in codes() {
        let text = code.text;
        assert!(text.len() <= 100 && text.is_ascii() && !text.ends_with('.'));
        assert!(text.starts_with(|c: char| c.is_ascii_lowercase()));
    }
}

#[test]
fn statuses_of_the_framework_have_a_row() {
    let rows: Vec<String> = (1..=16)
        .map(tonic::Code::from_i32)
        .map(|code| {
            let reason = Failure::from_grpc(code).code().reason;
            format!("{} → {}", grpc_name(code), wire_name(reason))
        })
        .collect();
    insta::assert_snapshot!(rows.join("\n"), @r"
    CANCELLED → DEADLINE_EXCEEDED
    UNKNOWN → MALFORMED_REQUEST
    INVALID_ARGUMENT → MALFORMED_REQUEST
    DEADLINE_EXCEEDED → DEADLINE_EXCEEDED
    NOT_FOUND → UNSUPPORTED
    ALREADY_EXISTS → INTERNAL
    PERMISSION_DENIED → INTERNAL
    RESOURCE_EXHAUSTED → MESSAGE_TOO_LARGE
    FAILED_PRECONDITION → INTERNAL
    ABORTED → INTERNAL
    OUT_OF_RANGE → MESSAGE_TOO_LARGE
    UNIMPLEMENTED → UNSUPPORTED
    INTERNAL → MALFORMED_REQUEST
    UNAVAILABLE → UNAVAILABLE
    DATA_LOSS → INTERNAL
    UNAUTHENTICATED → INTERNAL
    ");
    for (status, failure) in [
        (404, Failure::UnknownRoute),
        (405, Failure::WrongMethod),
        (413, Failure::MessageTooLarge),
        (415, Failure::WrongMediaType),
        (431, Failure::HeadersTooLarge),
        (400, Failure::Malformed),
        (500, Failure::internal("")),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        assert_eq!(Failure::from_http(status).code(), failure.code());
    }
}

#[test]
fn every_status_of_the_table_is_counted_by_its_number() {
    for code in codes() {
        assert!(HTTP_STATUSES.contains(&code.http), "{code:?}");
    }
}
