//! A failure as REST answers it: `application/problem+json` (RFC 9457).

use axum::body::Body;
use http::{
    HeaderValue, Response,
    header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{error_table::wire_name, failure::Failure};
use crate::proto::v1::ErrorReason;

/// Why a call failed (RFC 9457). Decide by `reason`: it is stable, texts are for people.
#[derive(Serialize, ToSchema)]
pub(super) struct Problem<'a> {
    /// The reason as a URN.
    #[schema(pattern = "^urn:vestibule:error:[A-Z][A-Z0-9_]*$")]
    r#type: String,
    /// The same text for every call with this reason and status.
    title: &'a str,
    /// The status of the answer.
    status: u16,
    /// The title; of a fault of the server also the request id.
    detail: &'a str,
    /// The same as `detail`.
    message: &'a str,
    /// The stable reason of the error, as docs/errors.md lists it.
    #[schema(pattern = "^[A-Z][A-Z0-9_]*$")]
    reason: &'a str,
    /// The same as the header `x-request-id`.
    #[schema(pattern = "^[A-Za-z0-9._-]{1,64}$")]
    request_id: &'a str,
    /// What is wrong with the fields: everything at once, with `INVALID_INPUT`; else empty.
    #[schema(max_items = 16)]
    errors: Vec<Fault<'a>>,
}

/// What is wrong with one field.
#[derive(Serialize, ToSchema)]
pub(super) struct Fault<'a> {
    /// The field's name, or that of the header.
    #[schema(max_length = 200)]
    field: &'a str,
    /// The stable reason of this fault.
    #[schema(pattern = "^[A-Z][A-Z0-9_]*$")]
    reason: &'a str,
    /// A message for people; programs read `reason`.
    #[schema(max_length = 200)]
    message: &'a str,
}

/// The answer to a call that failed.
pub(crate) fn render_problem(failure: &Failure, request_id: &str) -> Response<Body> {
    let code = failure.code();
    let mut response = Response::new(Body::from(body(failure, request_id)));
    *response.status_mut() = code.http;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    if let Some(wait) = failure.retry_after() {
        // Whole seconds, rounded up, so that no client comes back too early.
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    // RFC 9110 §15.5.2: the kind of proof that is missing.
    if matches!(
        code.reason,
        ErrorReason::SessionInvalid | ErrorReason::CallerUnauthenticated
    ) {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

fn body(failure: &Failure, request_id: &str) -> Vec<u8> {
    let code = failure.code();
    let detail = failure.detail(request_id);
    let reason = wire_name(code.reason);
    let errors = failure.violations().iter().map(|violation| Fault {
        field: &violation.field,
        reason: wire_name(violation.reason),
        message: &violation.message,
    });
    let problem = Problem {
        r#type: format!("urn:vestibule:error:{reason}"),
        title: code.text,
        status: code.http.as_u16(),
        detail: &detail,
        message: &detail,
        reason,
        request_id,
        errors: errors.collect(),
    };
    // Text and numbers always serialise.
    serde_json::to_vec(&problem).unwrap_or_default()
}
