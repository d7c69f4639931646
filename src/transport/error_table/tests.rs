//! The whole table as a snapshot, so that a changed code or reason is seen in review.

use super::*;
use crate::transport::call_metrics::HTTP_STATUSES;

const ALL: [ErrorKind; 22] = [
    ErrorKind::InvalidInput,
    ErrorKind::Malformed,
    ErrorKind::MessageTooLarge,
    ErrorKind::HeadersTooLarge,
    ErrorKind::UnknownRoute,
    ErrorKind::WrongMethod,
    ErrorKind::WrongMediaType,
    ErrorKind::UnknownName,
    ErrorKind::EmailTaken,
    ErrorKind::RequestIdReused,
    ErrorKind::BadCredentials,
    ErrorKind::SessionInvalid,
    ErrorKind::UserNotFound,
    ErrorKind::UserDisabled,
    ErrorKind::TokenInvalid,
    ErrorKind::EtagMismatch,
    ErrorKind::CallerUnauthenticated,
    ErrorKind::CallerNotAllowed,
    ErrorKind::Overloaded,
    ErrorKind::Unavailable,
    ErrorKind::DeadlineExceeded,
    ErrorKind::Internal,
];

/// Reasons that stand in a violation and never for a whole call.
const OF_FIELDS: [ErrorReason; 8] = [
    ErrorReason::InvalidField,
    ErrorReason::InvalidEmail,
    ErrorReason::PasswordTooShort,
    ErrorReason::PasswordTooLong,
    ErrorReason::PasswordCommon,
    ErrorReason::UnknownField,
    ErrorReason::PageTokenInvalid,
    ErrorReason::FieldMaskInvalid,
];

#[test]
fn the_error_table_is_what_callers_were_told() {
    let rows = ALL.map(|kind| {
        let code = kind.code();
        let (grpc, http) = (grpc_name(code.grpc), code.http.as_u16());
        format!(
            "{grpc:19} {http} {:22} {}",
            wire_name(code.reason),
            code.text
        )
    });
    insta::assert_snapshot!(rows.join("\n"), @r"
    INVALID_ARGUMENT    400 INVALID_INPUT          at least one field is invalid
    INVALID_ARGUMENT    400 MALFORMED_REQUEST      the request cannot be read
    RESOURCE_EXHAUSTED  413 MESSAGE_TOO_LARGE      the message is too large
    RESOURCE_EXHAUSTED  431 MESSAGE_TOO_LARGE      the header list is too large
    UNIMPLEMENTED       404 UNSUPPORTED            there is no such method or route
    UNIMPLEMENTED       405 UNSUPPORTED            the route does not have this method
    UNIMPLEMENTED       415 UNSUPPORTED            the route does not take this media type
    NOT_FOUND           404 UNSUPPORTED            there is no such service or symbol
    ALREADY_EXISTS      409 EMAIL_TAKEN            email already registered
    ALREADY_EXISTS      409 REQUEST_ID_REUSED      the request id was used for another request
    UNAUTHENTICATED     401 BAD_CREDENTIALS        wrong email or password
    UNAUTHENTICATED     401 SESSION_INVALID        a valid session is required
    NOT_FOUND           404 USER_NOT_FOUND         there is no such user
    FAILED_PRECONDITION 409 USER_DISABLED          the user is disabled
    FAILED_PRECONDITION 400 TOKEN_INVALID          the token is invalid or was used
    ABORTED             409 ETAG_MISMATCH          the user was changed meanwhile
    UNAUTHENTICATED     401 CALLER_UNAUTHENTICATED a known caller is required
    PERMISSION_DENIED   403 CALLER_NOT_ALLOWED     the caller may not call this method
    UNAVAILABLE         503 OVERLOADED             overloaded, nothing was done
    UNAVAILABLE         503 UNAVAILABLE            temporarily unavailable
    DEADLINE_EXCEEDED   504 DEADLINE_EXCEEDED      the deadline passed, the work may have been done
    INTERNAL            500 INTERNAL               internal error
    ");
}

#[test]
fn every_reason_is_told_for_a_call_or_for_a_field() {
    let numbers = 1..100;
    for reason in numbers.filter_map(|number| ErrorReason::try_from(number).ok()) {
        let told = ALL.iter().any(|kind| kind.code().reason == reason);
        assert!(told != OF_FIELDS.contains(&reason), "{reason:?}");
    }
}

/// (W9)
#[test]
fn reasons_have_the_form_that_google_asks_for() {
    for kind in ALL {
        let name = wire_name(kind.code().reason);
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
    for kind in ALL {
        let text = kind.code().text;
        assert!(text.len() <= 100 && text.is_ascii() && !text.ends_with('.'));
        assert!(text.starts_with(|c: char| c.is_ascii_lowercase()));
    }
}

#[test]
fn statuses_of_the_framework_have_a_row() {
    let rows: Vec<String> = (1..=16)
        .map(tonic::Code::from_i32)
        .map(|code| format!("{} → {:?}", grpc_name(code), ErrorKind::of_grpc(code)))
        .collect();
    insta::assert_snapshot!(rows.join("\n"), @r"
    CANCELLED → DeadlineExceeded
    UNKNOWN → Malformed
    INVALID_ARGUMENT → Malformed
    DEADLINE_EXCEEDED → DeadlineExceeded
    NOT_FOUND → UnknownName
    ALREADY_EXISTS → Internal
    PERMISSION_DENIED → Internal
    RESOURCE_EXHAUSTED → MessageTooLarge
    FAILED_PRECONDITION → Internal
    ABORTED → Internal
    OUT_OF_RANGE → MessageTooLarge
    UNIMPLEMENTED → UnknownRoute
    INTERNAL → Malformed
    UNAVAILABLE → Unavailable
    DATA_LOSS → Internal
    UNAUTHENTICATED → Internal
    ");
    for (status, kind) in [
        (404, ErrorKind::UnknownRoute),
        (405, ErrorKind::WrongMethod),
        (413, ErrorKind::MessageTooLarge),
        (415, ErrorKind::WrongMediaType),
        (431, ErrorKind::HeadersTooLarge),
        (400, ErrorKind::Malformed),
        (500, ErrorKind::Internal),
    ] {
        assert_eq!(
            ErrorKind::of_http(StatusCode::from_u16(status).unwrap()),
            kind
        );
    }
}

#[test]
fn every_status_of_the_table_is_counted_by_its_number() {
    for kind in ALL {
        assert!(HTTP_STATUSES.contains(&kind.code().http), "{kind:?}");
    }
}
