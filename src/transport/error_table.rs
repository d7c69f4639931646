//! The one table: what went wrong → gRPC code, HTTP status, reason and text, for every protocol.
//! Nowhere else does a kind become a number.

#![deny(clippy::wildcard_enum_match_arm)]

use http::StatusCode;

use crate::proto::v1::ErrorReason;

/// What went wrong, as a caller is told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// At least one field is at fault; each has a violation.
    InvalidInput,
    /// The bytes are not the protobuf, JSON, form or UTF-8 that they should be.
    Malformed,
    /// The message or body is over its limit.
    MessageTooLarge,
    /// The header list is over its limit.
    HeadersTooLarge,
    /// No such RPC or route.
    UnknownRoute,
    /// The route does not have this method.
    WrongMethod,
    /// The route does not take this media type.
    WrongMediaType,
    /// A standard service (health, reflection) does not know the name that it was asked for.
    UnknownName,
    /// Another user has the e-mail address.
    EmailTaken,
    /// The request id was used for something else.
    RequestIdReused,
    /// Unknown user, wrong password or disabled user.
    BadCredentials,
    /// The session that should prove the call is no proof.
    SessionInvalid,
    /// No such user, or none that this session may see.
    UserNotFound,
    /// The user is disabled, which named callers are told.
    UserDisabled,
    /// A one-time token that redeems nothing.
    TokenInvalid,
    /// The user was changed since the etag was read.
    EtagMismatch,
    /// No named caller, where one is needed, or a proof of one that failed.
    CallerUnauthenticated,
    /// A named caller without a grant for the method.
    CallerNotAllowed,
    /// More work than can be finished in time.
    Overloaded,
    /// The database is away, or the drain's grace is over.
    Unavailable,
    /// The deadline passed.
    DeadlineExceeded,
    /// A fault of our own.
    Internal,
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Code {
    /// gRPC's status code.
    pub(crate) grpc: tonic::Code,
    /// HTTP's status code.
    pub(crate) http: StatusCode,
    /// The stable name of the reason.
    pub(crate) reason: ErrorReason,
    /// The same text for every call.
    pub(crate) text: &'static str,
}

impl ErrorKind {
    /// The row of this kind.
    pub(crate) fn code(self) -> Code {
        use ErrorReason as R;
        use StatusCode as H;
        use tonic::Code as G;

        let row = |grpc, http, reason, text| Code {
            grpc,
            http,
            reason,
            text,
        };
        #[rustfmt::skip] // a table is read by column
        let code = match self {
            Self::InvalidInput         => row(G::InvalidArgument,    H::BAD_REQUEST,                     R::InvalidInput,           "at least one field is invalid"),
            Self::Malformed            => row(G::InvalidArgument,    H::BAD_REQUEST,                     R::MalformedRequest,       "the request cannot be read"),
            Self::MessageTooLarge      => row(G::ResourceExhausted,  H::PAYLOAD_TOO_LARGE,               R::MessageTooLarge,        "the message is too large"),
            Self::HeadersTooLarge      => row(G::ResourceExhausted,  H::REQUEST_HEADER_FIELDS_TOO_LARGE, R::MessageTooLarge,        "the header list is too large"),
            Self::UnknownRoute         => row(G::Unimplemented,      H::NOT_FOUND,                       R::Unsupported,            "there is no such method or route"),
            Self::WrongMethod          => row(G::Unimplemented,      H::METHOD_NOT_ALLOWED,              R::Unsupported,            "the route does not have this method"),
            Self::WrongMediaType       => row(G::Unimplemented,      H::UNSUPPORTED_MEDIA_TYPE,          R::Unsupported,            "the route does not take this media type"),
            Self::UnknownName          => row(G::NotFound,           H::NOT_FOUND,                       R::Unsupported,            "there is no such service or symbol"),
            Self::EmailTaken           => row(G::AlreadyExists,      H::CONFLICT,                        R::EmailTaken,             "email already registered"),
            Self::RequestIdReused      => row(G::AlreadyExists,      H::CONFLICT,                        R::RequestIdReused,        "the request id was used for another request"),
            Self::BadCredentials       => row(G::Unauthenticated,    H::UNAUTHORIZED,                    R::BadCredentials,         "wrong email or password"),
            Self::SessionInvalid       => row(G::Unauthenticated,    H::UNAUTHORIZED,                    R::SessionInvalid,         "a valid session is required"),
            Self::UserNotFound         => row(G::NotFound,           H::NOT_FOUND,                       R::UserNotFound,           "there is no such user"),
            Self::UserDisabled         => row(G::FailedPrecondition, H::CONFLICT,                        R::UserDisabled,           "the user is disabled"),
            Self::TokenInvalid         => row(G::FailedPrecondition, H::BAD_REQUEST,                     R::TokenInvalid,           "the token is invalid or was used"),
            Self::EtagMismatch         => row(G::Aborted,            H::CONFLICT,                        R::EtagMismatch,           "the user was changed meanwhile"),
            Self::CallerUnauthenticated => row(G::Unauthenticated,   H::UNAUTHORIZED,                    R::CallerUnauthenticated,  "a known caller is required"),
            Self::CallerNotAllowed     => row(G::PermissionDenied,   H::FORBIDDEN,                       R::CallerNotAllowed,       "the caller may not call this method"),
            Self::Overloaded           => row(G::Unavailable,        H::SERVICE_UNAVAILABLE,             R::Overloaded,             "overloaded, nothing was done"),
            Self::Unavailable          => row(G::Unavailable,        H::SERVICE_UNAVAILABLE,             R::Unavailable,            "temporarily unavailable"),
            Self::DeadlineExceeded     => row(G::DeadlineExceeded,   H::GATEWAY_TIMEOUT,                 R::DeadlineExceeded,       "the deadline passed, the work may have been done"),
            Self::Internal             => row(G::Internal,           H::INTERNAL_SERVER_ERROR,           R::Internal,               "internal error"),
        };
        code
    }

    /// What a status means that no handler of ours made: one of the framework's. tonic answers
    /// `OUT_OF_RANGE` for an oversize message, `INTERNAL` for one that does not decode, `UNKNOWN`
    /// for one that the connection cut short, and `CANCELLED` for its own time-out.
    pub(crate) fn of_grpc(code: tonic::Code) -> Self {
        use tonic::Code as G;
        match code {
            G::InvalidArgument | G::Internal | G::Unknown => Self::Malformed,
            G::OutOfRange | G::ResourceExhausted => Self::MessageTooLarge,
            G::Unimplemented => Self::UnknownRoute,
            G::NotFound => Self::UnknownName,
            G::Cancelled | G::DeadlineExceeded => Self::DeadlineExceeded,
            G::Unavailable => Self::Unavailable,
            G::Ok
            | G::AlreadyExists
            | G::PermissionDenied
            | G::FailedPrecondition
            | G::Aborted
            | G::DataLoss
            | G::Unauthenticated => Self::Internal,
        }
    }

    /// What a bare HTTP status of the framework means.
    pub(crate) fn of_http(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::UnknownRoute,
            StatusCode::METHOD_NOT_ALLOWED => Self::WrongMethod,
            StatusCode::PAYLOAD_TOO_LARGE => Self::MessageTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::WrongMediaType,
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Self::HeadersTooLarge,
            other if other.is_client_error() => Self::Malformed,
            _ => Self::Internal,
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
