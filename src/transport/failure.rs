//! Why a call failed, before a protocol has given the failure its form. Handlers return it; the edge
//! alone renders and logs it, so that the request id and the table are applied in one place.

use std::{
    error::Error,
    fmt::{self, Display},
    sync::Arc,
    time::Duration,
};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use tonic::Status;

use crate::{auth::AuthError, domain::PasswordFault, proto::v1::ErrorReason, telemetry};

/// The most violations of an answer: a gRPC status travels in headers.
const VIOLATIONS_MAX: usize = 16;
/// The most characters of a field's name or message.
const TEXT_MAX: usize = 200;
/// How long a caller waits before it asks again for a database that is away or a replica that drains.
const UNAVAILABLE_RETRY: Duration = Duration::from_secs(1);

/// Why a call failed.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// At least one field is at fault; each has a violation, up to 16.
    InvalidInput(Vec<Violation>),
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
    /// A named caller without a grant for the method.
    CallerNotAllowed,
    /// A browser sent it for a page of another origin.
    CrossOrigin,
    /// The drain's grace is over.
    Draining,
    /// A use case failed.
    Auth {
        error: Arc<AuthError>,
        /// The id of the user whom a named caller asked for; empty if it asked by another key.
        user: Option<String>,
    },
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    /// The field as the caller spelt it, at most 200 characters.
    pub(crate) field: String,
    /// The field's own reason.
    pub(crate) reason: ErrorReason,
    /// For people, at most 200 characters.
    pub(crate) message: String,
}

impl Failure {
    /// Every fault of a request's fields at once.
    pub(crate) fn invalid_input(mut violations: Vec<Violation>) -> Self {
        violations.truncate(VIOLATIONS_MAX);
        Self::InvalidInput(violations)
    }

    /// The fault of a single field.
    pub(crate) fn invalid_field(field: &str, reason: ErrorReason, message: impl Display) -> Self {
        Self::InvalidInput(vec![Violation::new(field, reason, message)])
    }

    /// A fault of our own, with a text for the log.
    pub(crate) fn internal(cause: &'static str) -> Self {
        AuthError::Internal(cause.into()).into()
    }

    /// The calls of all connections hold more than there is.
    pub(crate) fn out_of_memory() -> Self {
        let retry_after = UNAVAILABLE_RETRY;
        AuthError::Overloaded { retry_after }.into()
    }

    /// Names the user who is not there or disabled, to a named caller.
    pub(crate) fn about_user(mut self, id: &str) -> Self {
        if let Self::Auth { error, user } = &mut self
            && let AuthError::UserNotFound | AuthError::UserDisabled = **error
        {
            *user = Some(id.to_owned());
        }
        self
    }

    pub(crate) fn violations(&self) -> &[Violation] {
        let Self::InvalidInput(violations) = self else {
            return &[];
        };
        violations
    }

    /// The use case's error, if a use case failed.
    pub(crate) fn auth_error(&self) -> Option<&AuthError> {
        let Self::Auth { error, .. } = self else {
            return None;
        };
        Some(error)
    }

    /// When to try again, where that helps.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        if let Some(
            AuthError::Overloaded { retry_after }
            | AuthError::RateLimited { retry_after }
            | AuthError::LoginThrottled { retry_after },
        ) = self.auth_error()
        {
            return Some(*retry_after);
        }
        let is_away = matches!(self.auth_error(), Some(AuthError::Unavailable(_)));
        (is_away || matches!(self, Self::Draining)).then_some(UNAVAILABLE_RETRY)
    }

    /// The chain of causes as one line, of what an operator or a maintainer must look into.
    pub(crate) fn cause(&self) -> Option<String> {
        let error = self.auth_error()?;
        error.source().map(|_| telemetry::chain(error))
    }

    /// The text for people: constant, and of a fault of the server also where to look for it.
    pub(crate) fn detail(&self, request_id: &str) -> String {
        let code = self.code();
        if code.http.is_server_error() {
            format!("{} (request {request_id})", code.text)
        } else {
            code.text.to_owned()
        }
    }
}

impl Violation {
    /// Cuts both texts to what an answer may hold.
    pub(crate) fn new(field: &str, reason: ErrorReason, message: impl Display) -> Self {
        let cut = |text: &str| text.chars().take(TEXT_MAX).collect();
        Self {
            field: cut(field),
            reason,
            message: cut(&message.to_string()),
        }
    }
}

impl From<AuthError> for Failure {
    fn from(error: AuthError) -> Self {
        // Faults of a field that only the user's row or the clock shows.
        if let AuthError::NewPasswordGuessable = error {
            let reason = ErrorReason::PasswordCommon;
            return Self::invalid_field("new_password", reason, PasswordFault::Common);
        }
        if let AuthError::InTheFuture = error {
            let (reason, message) = (ErrorReason::InvalidField, "must not be in the future");
            return Self::invalid_field("issued_before", reason, message);
        }
        Self::Auth {
            error: Arc::new(error),
            user: None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code().text)
    }
}

impl Error for Failure {}

/// Carries the failure through tonic to the edge, which finds it as the status's source.
impl From<Failure> for Status {
    fn from(failure: Failure) -> Self {
        let code = failure.code();
        let mut status = Self::new(code.grpc, code.text);
        status.set_source(Arc::new(failure));
        status
    }
}

impl From<AuthError> for Status {
    fn from(error: AuthError) -> Self {
        Failure::from(error).into()
    }
}

/// Carries the failure through axum to the edge, which finds it among the response's extensions.
impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.code().http;
        response.extensions_mut().insert(self);
        response
    }
}
