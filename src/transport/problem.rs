//! A failure as REST tells it: `application/problem+json` (RFC 9457).

use axum::body::Body;
use http::{
    HeaderValue, Response,
    header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use serde::Serialize;

use super::{
    code::{Meaning, wire_name},
    failure::Failure,
};

/// The members of a problem, in the order in which they are told.
#[derive(Serialize)]
struct Problem<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    message: &'a str,
    reason: &'a str,
    request_id: &'a str,
    errors: Vec<Fault<'a>>,
}

#[derive(Serialize)]
struct Fault<'a> {
    field: &'a str,
    reason: &'a str,
    message: &'a str,
}

/// The answer to a call that failed.
pub(crate) fn response(failure: &Failure, request_id: &str) -> Response<Body> {
    let code = failure.meaning.code();
    let mut response = Response::new(Body::from(body(failure, request_id)));
    *response.status_mut() = code.http;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    if let Some(wait) = failure.retry_after {
        // Whole seconds, rounded up: nobody should come back too early.
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    // RFC 9110 §15.5.2: what proof would do.
    if matches!(
        failure.meaning,
        Meaning::SessionInvalid | Meaning::CallerUnauthenticated
    ) {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

fn body(failure: &Failure, request_id: &str) -> Vec<u8> {
    let code = failure.meaning.code();
    let detail = failure.detail(request_id);
    let reason = wire_name(code.reason);
    let errors = failure.violations.iter().map(|violation| Fault {
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
