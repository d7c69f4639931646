//! Why a call failed, before any protocol has given it a form. Handlers return it; the edge alone
//! renders and logs it, so that the request id and the table are applied in one place.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use tonic::Status;

use super::error_table::ErrorKind;
use crate::{auth::AuthError, domain::PasswordFault, proto::v1::ErrorReason, telemetry};

/// The most violations that are told: a status travels in headers.
const VIOLATIONS_MAX: usize = 16;
/// The most characters of a field's name or message.
const TEXT_MAX: usize = 200;
/// How long a caller waits before it asks again for a database that is away.
const UNAVAILABLE_RETRY: Duration = Duration::from_secs(1);

/// Why a call failed.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    /// What the caller is told.
    pub(crate) kind: ErrorKind,
    /// With `InvalidInput`: every field's fault, at most 16.
    pub(crate) violations: Vec<Violation>,
    /// When to try again, where that helps.
    pub(crate) retry_after: Option<Duration>,
    /// The id of the user whom it is about, as a named caller asked for it; empty where it asked by
    /// something else. Nobody else is told.
    pub(crate) user: Option<String>,
    /// What happened; for the log alone.
    cause: Option<Arc<dyn Error + Send + Sync>>,
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
    pub(crate) fn invalid_input(violations: Vec<Violation>) -> Self {
        Self {
            violations: violations.into_iter().take(VIOLATIONS_MAX).collect(),
            ..Self::from(ErrorKind::InvalidInput)
        }
    }

    /// A fault of our own.
    pub(crate) fn internal(cause: impl Error + Send + Sync + 'static) -> Self {
        Self::from(ErrorKind::Internal).caused_by(cause)
    }

    /// Names the user who is not there or disabled, to a named caller.
    pub(crate) fn about_user(mut self, id: &str) -> Self {
        if [ErrorKind::UserNotFound, ErrorKind::UserDisabled].contains(&self.kind) {
            self.user = Some(id.to_owned());
        }
        self
    }

    fn caused_by(mut self, cause: impl Error + Send + Sync + 'static) -> Self {
        self.cause = Some(Arc::new(cause));
        self
    }

    /// The chain of causes as one line.
    pub(crate) fn cause(&self) -> Option<String> {
        Some(telemetry::chain(self.cause.as_deref()?))
    }

    /// The text for people: constant, and of a fault of the server also where to look for it.
    pub(crate) fn detail(&self, request_id: &str) -> String {
        let code = self.kind.code();
        if code.http.is_server_error() {
            format!("{} (request {request_id})", code.text)
        } else {
            code.text.to_owned()
        }
    }
}

impl Violation {
    /// Cuts both texts to what an answer may hold.
    pub(crate) fn new(field: &str, reason: ErrorReason, message: &str) -> Self {
        let cut = |text: &str| text.chars().take(TEXT_MAX).collect();
        Self {
            field: cut(field),
            reason,
            message: cut(message),
        }
    }
}

impl From<ErrorKind> for Failure {
    fn from(kind: ErrorKind) -> Self {
        Self {
            kind,
            violations: Vec::new(),
            retry_after: (kind == ErrorKind::Unavailable).then_some(UNAVAILABLE_RETRY),
            user: None,
            cause: None,
        }
    }
}

impl From<AuthError> for Failure {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::EmailTaken => ErrorKind::EmailTaken.into(),
            AuthError::RequestIdReused => ErrorKind::RequestIdReused.into(),
            AuthError::BadCredentials => ErrorKind::BadCredentials.into(),
            AuthError::SessionInvalid => ErrorKind::SessionInvalid.into(),
            AuthError::UserNotFound => ErrorKind::UserNotFound.into(),
            AuthError::UserDisabled => ErrorKind::UserDisabled.into(),
            AuthError::NewPasswordGuessable => Self::invalid_input(vec![Violation::new(
                "new_password",
                ErrorReason::PasswordCommon,
                &PasswordFault::Common.to_string(),
            )]),
            AuthError::TokenInvalid => ErrorKind::TokenInvalid.into(),
            AuthError::EtagMismatch => ErrorKind::EtagMismatch.into(),
            AuthError::InTheFuture => Self::invalid_input(vec![Violation::new(
                "issued_before",
                ErrorReason::InvalidField,
                "must not be in the future",
            )]),
            AuthError::DeadlineExceeded => ErrorKind::DeadlineExceeded.into(),
            AuthError::Overloaded { retry_after } => Self {
                retry_after: Some(retry_after),
                ..Self::from(ErrorKind::Overloaded)
            },
            AuthError::Unavailable(_) => Self::from(ErrorKind::Unavailable).caused_by(error),
            AuthError::Internal(_) => Self::internal(error),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.code().text)
    }
}

impl Error for Failure {}

/// Carries the failure through tonic to the edge, which finds it as the status's source.
impl From<Failure> for Status {
    fn from(failure: Failure) -> Self {
        let code = failure.kind.code();
        let mut status = Self::new(code.grpc, code.text);
        status.set_source(Arc::new(failure));
        status
    }
}

impl IntoResponse for ErrorKind {
    fn into_response(self) -> Response {
        Failure::from(self).into_response()
    }
}

/// Carries the failure through axum to the edge, which finds it among the response's extensions.
impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.kind.code().http;
        response.extensions_mut().insert(self);
        response
    }
}
