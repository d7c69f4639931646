//! The one table: what went wrong → gRPC code, HTTP status, reason and text, for both protocols. No
//! other file turns a failure into a number.
//!
//! An error has four readers, and each gets what this reader can act on:
//!
//! - **The end user** reads words of the calling service. A violation names the field at fault and says
//!   how to correct it; all violations of a request are answered at once.
//! - **The caller**, a program, decides by the reason and waits as long as the retry information says.
//!   Both are a contract; `docs/errors.md` tells what to do about each reason, and every gRPC error
//!   links to it.
//! - **The operator** finds the call in the log by the request id that every answer repeats. The line
//!   has code, reason and, of a caller that is not proven, the fault of the proof; another line has the
//!   chain of causes.
//! - **The maintainer** is called by `INTERNAL` alone, which the log has at the level of errors.
//!
//! Text of an answer has three sources: this table, the rule that a field broke (with the field's name
//! as it was sent, cut to a length), and the request id. The text of a library, a driver or a panic is
//! a source of an [`AuthError`], which only the log renders.
//!
//! An error type of its own is for callers that match its variants; an error that is only passed on is
//! an [`AuthError`] here and a `DbError` in `db`.

#![deny(clippy::wildcard_enum_match_arm)]

use http::StatusCode;

use super::failure::Failure;
use crate::{auth::AuthError, proto::v1::ErrorReason};

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ErrorCode {
    pub(crate) grpc: tonic::Code,
    pub(crate) http: StatusCode,
    /// The stable name, by which callers decide.
    pub(crate) reason: ErrorReason,
    /// The same text for every call.
    pub(crate) text: &'static str,
}

/// The text of every faulty input; the violations say more.
const INVALID_INPUT: &str = "at least one field is invalid";

fn row(grpc: tonic::Code, http: StatusCode, reason: ErrorReason, text: &'static str) -> ErrorCode {
    ErrorCode {
        grpc,
        http,
        reason,
        text,
    }
}

#[rustfmt::skip] // a table is read by column
fn of_use_case(error: &AuthError) -> ErrorCode {
    use AuthError as A;
    use ErrorReason as R;
    use StatusCode as H;
    use tonic::Code as G;
    match error {
        A::EmailTaken                   => row(G::AlreadyExists,      H::CONFLICT,              R::EmailTaken,            "email already registered"),
        A::RequestIdReused              => row(G::AlreadyExists,      H::CONFLICT,              R::RequestIdReused,       "the request id was used for another request"),
        A::BadCredentials               => row(G::Unauthenticated,    H::UNAUTHORIZED,          R::BadCredentials,        "wrong email or password"),
        A::CurrentPasswordWrong         => row(G::Unauthenticated,    H::UNAUTHORIZED,          R::BadCredentials,        "wrong current password"),
        A::SessionInvalid               => row(G::Unauthenticated,    H::UNAUTHORIZED,          R::SessionInvalid,        "a valid session is required"),
        A::UserNotFound                 => row(G::NotFound,           H::NOT_FOUND,             R::UserNotFound,          "there is no such user"),
        A::UserDisabled                 => row(G::FailedPrecondition, H::CONFLICT,              R::UserDisabled,          "the user is disabled"),
        A::NewPasswordGuessable | A::InTheFuture => row(G::InvalidArgument, H::BAD_REQUEST, R::InvalidInput, INVALID_INPUT),
        A::TokenInvalid                 => row(G::FailedPrecondition, H::BAD_REQUEST,           R::TokenInvalid,          "the token is invalid or was used"),
        A::ProofRequired                => row(G::FailedPrecondition, H::FORBIDDEN,             R::ProofRequired,         "a session or the password is required besides the token"),
        A::EmailNotVerified             => row(G::FailedPrecondition, H::CONFLICT,              R::EmailNotVerified,      "the address of the user was never verified"),
        A::ReauthenticationRequired     => row(G::FailedPrecondition, H::FORBIDDEN,             R::ReauthenticationRequired, "the user must prove the password again"),
        A::RateLimited { .. }           => row(G::ResourceExhausted,  H::TOO_MANY_REQUESTS,     R::RateLimited,           "too often, nothing was done"),
        A::LoginThrottled { .. }        => row(G::ResourceExhausted,  H::TOO_MANY_REQUESTS,     R::LoginThrottled,        "too many failed tries, nothing was checked"),
        A::EtagMismatch                 => row(G::Aborted,            H::CONFLICT,              R::EtagMismatch,          "the user was changed meanwhile"),
        A::CallerUnauthenticated(_)     => row(G::Unauthenticated,    H::UNAUTHORIZED,          R::CallerUnauthenticated, "a known caller is required"),
        A::Overloaded { .. }            => row(G::Unavailable,        H::SERVICE_UNAVAILABLE,   R::Overloaded,            "overloaded, nothing was done"),
        A::Unavailable(_)               => row(G::Unavailable,        H::SERVICE_UNAVAILABLE,   R::Unavailable,           "temporarily unavailable"),
        A::DeadlineExceeded             => row(G::DeadlineExceeded,   H::GATEWAY_TIMEOUT,       R::DeadlineExceeded,      "the deadline passed, the work may have been done"),
        A::Internal(_)                  => row(G::Internal,           H::INTERNAL_SERVER_ERROR, R::Internal,              "internal error"),
    }
}

impl Failure {
    /// The row of this failure.
    #[rustfmt::skip] // a table is read by column
    pub(crate) fn code(&self) -> ErrorCode {
        use ErrorReason as R;
        use StatusCode as H;
        use tonic::Code as G;
        match self {
            Self::InvalidInput(_)      => row(G::InvalidArgument,    H::BAD_REQUEST,                     R::InvalidInput,           INVALID_INPUT),
            Self::Malformed            => row(G::InvalidArgument,    H::BAD_REQUEST,                     R::MalformedRequest,       "the request cannot be read"),
            Self::MessageTooLarge      => row(G::ResourceExhausted,  H::PAYLOAD_TOO_LARGE,               R::MessageTooLarge,        "the message is too large"),
            Self::HeadersTooLarge      => row(G::ResourceExhausted,  H::REQUEST_HEADER_FIELDS_TOO_LARGE, R::MessageTooLarge,        "the header list is too large"),
            Self::UnknownRoute         => row(G::Unimplemented,      H::NOT_FOUND,                       R::Unsupported,            "there is no such method or route"),
            Self::WrongMethod          => row(G::Unimplemented,      H::METHOD_NOT_ALLOWED,              R::Unsupported,            "the route does not have this method"),
            Self::WrongMediaType       => row(G::Unimplemented,      H::UNSUPPORTED_MEDIA_TYPE,          R::Unsupported,            "the route does not take this media type"),
            Self::UnknownName          => row(G::NotFound,           H::NOT_FOUND,                       R::Unsupported,            "there is no such service or symbol"),
            Self::CallerNotAllowed     => row(G::PermissionDenied,   H::FORBIDDEN,                       R::CallerNotAllowed,       "the caller may not call this method"),
            Self::CrossOrigin          => row(G::PermissionDenied,   H::FORBIDDEN,                       R::CrossOrigin,            "a page of another origin may not do this"),
            Self::Draining             => row(G::Unavailable,        H::SERVICE_UNAVAILABLE,             R::Unavailable,            "temporarily unavailable"),
            Self::Auth { error, .. }   => of_use_case(error),
        }
    }

    /// The meaning of a status that tonic made and no handler of ours. tonic answers `OUT_OF_RANGE`
    /// for an oversize message, `INTERNAL` for a message that does not decode, `UNKNOWN` for a message
    /// that the connection cut short, and `CANCELLED` for its own time-out.
    pub(crate) fn from_grpc(code: tonic::Code) -> Self {
        use tonic::Code as G;
        match code {
            G::InvalidArgument | G::Internal | G::Unknown => Self::Malformed,
            G::OutOfRange | G::ResourceExhausted => Self::MessageTooLarge,
            G::Unimplemented => Self::UnknownRoute,
            G::NotFound => Self::UnknownName,
            G::Cancelled | G::DeadlineExceeded => AuthError::DeadlineExceeded.into(),
            G::Unavailable => Self::Draining,
            G::Ok
            | G::AlreadyExists
            | G::PermissionDenied
            | G::FailedPrecondition
            | G::Aborted
            | G::DataLoss
            | G::Unauthenticated => Self::internal("a gRPC status that no handler of ours made"),
        }
    }

    /// The meaning of a bare HTTP status of axum's router.
    pub(crate) fn from_http(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::UnknownRoute,
            StatusCode::METHOD_NOT_ALLOWED => Self::WrongMethod,
            StatusCode::PAYLOAD_TOO_LARGE => Self::MessageTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::WrongMediaType,
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Self::HeadersTooLarge,
            other if other.is_client_error() => Self::Malformed,
            _ => Self::internal("an HTTP status that no handler of ours made"),
        }
    }
}

/// A reason as it goes over the wire: the enum value's name without its prefix.
pub(crate) fn wire_name(reason: ErrorReason) -> &'static str {
    let name = reason.as_str_name();
    name.strip_prefix("ERROR_REASON_").unwrap_or(name)
}

/// A gRPC code by its canonical name, as logs and metrics spell it.
pub(crate) fn grpc_name(code: tonic::Code) -> &'static str {
    use tonic::Code as G;
    match code {
        G::Ok => "OK",
        G::Cancelled => "CANCELLED",
        G::Unknown => "UNKNOWN",
        G::InvalidArgument => "INVALID_ARGUMENT",
        G::DeadlineExceeded => "DEADLINE_EXCEEDED",
        G::NotFound => "NOT_FOUND",
        G::AlreadyExists => "ALREADY_EXISTS",
        G::PermissionDenied => "PERMISSION_DENIED",
        G::ResourceExhausted => "RESOURCE_EXHAUSTED",
        G::FailedPrecondition => "FAILED_PRECONDITION",
        G::Aborted => "ABORTED",
        G::OutOfRange => "OUT_OF_RANGE",
        G::Unimplemented => "UNIMPLEMENTED",
        G::Internal => "INTERNAL",
        G::Unavailable => "UNAVAILABLE",
        G::DataLoss => "DATA_LOSS",
        G::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests;
