//! A failure as gRPC answers it: status, message, and a `google.rpc.Status` with the details in
//! `grpc-status-details-bin`. tonic-types would drop `FieldViolation.reason`, so the vendored
//! messages are encoded here.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, header::CONTENT_TYPE};
use prost::Message;
use prost_types::Any;
use tonic::{Code, Status};

use super::{
    error_table::wire_name,
    failure::{Failure, Violation},
};
use crate::proto::{
    google::rpc::{
        self, BadRequest, ErrorInfo, Help, RequestInfo, ResourceInfo, RetryInfo,
        bad_request::FieldViolation, help::Link,
    },
    v1::ErrorReason,
};

/// The domain in which our reasons are unique.
const DOMAIN: &str = "vestibule.v1";
/// Relative to the root of the repository, which has no public address. Each reason has a heading,
/// whose anchor is the reason in lower case.
const ERRORS_PAGE: &str = "docs/errors.md";
/// The type of a user among resources.
const USER: &str = "vestibule.v1.User";
/// When a retrying client comes back; with no number, never (gRFC A6).
const RETRY_PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

/// Writes a failure over the status that headers or trailers have; other fields stay.
pub(crate) fn write_status(headers: &mut HeaderMap, failure: &Failure, request_id: &str) {
    let code = failure.code();
    let message = failure.detail(request_id);
    let details = rpc::Status {
        code: code.grpc.into(),
        message: message.clone(),
        details: details(failure, request_id),
    };
    let status = Status::with_details(code.grpc, message, details.encode_to_vec().into());
    let mut written = status.into_http::<()>().into_parts().0.headers;
    // Trailers have no content type of their own.
    written.remove(CONTENT_TYPE);
    headers.extend(written);
    // Only a full queue and limits bid the client's own retries to wait: a database that is away
    // may be back on another replica.
    if matches!(
        code.reason,
        ErrorReason::Overloaded | ErrorReason::RateLimited | ErrorReason::LoginThrottled
    ) && let Some(wait) = failure.retry_after()
    {
        headers.insert(RETRY_PUSHBACK, HeaderValue::from(millis(wait)));
    }
}

/// The code of a status that is not OK and has not our details.
pub(crate) fn foreign_code(headers: &HeaderMap) -> Option<Code> {
    let code = Code::from_bytes(headers.get(Status::GRPC_STATUS)?.as_bytes());
    (code != Code::Ok && !headers.contains_key(Status::GRPC_STATUS_DETAILS)).then_some(code)
}

fn details(failure: &Failure, request_id: &str) -> Vec<Any> {
    let reason = wire_name(failure.code().reason);
    let info = ErrorInfo {
        reason: reason.to_owned(),
        domain: DOMAIN.to_owned(),
        ..ErrorInfo::default()
    };
    let request = RequestInfo {
        request_id: request_id.to_owned(),
        ..RequestInfo::default()
    };
    let link = Link {
        description: "What the reason means and what to do about it".to_owned(),
        url: format!("{ERRORS_PAGE}#{}", reason.to_ascii_lowercase()),
    };
    let mut details = vec![
        pack_any("ErrorInfo", &info),
        pack_any("RequestInfo", &request),
        pack_any("Help", &Help { links: vec![link] }),
    ];
    if !failure.violations().is_empty() {
        details.push(pack_any("BadRequest", &bad_request(failure.violations())));
    }
    if let Failure::Auth { user: Some(id), .. } = failure {
        let user = ResourceInfo {
            resource_type: USER.to_owned(),
            resource_name: id.clone(),
            ..ResourceInfo::default()
        };
        details.push(pack_any("ResourceInfo", &user));
    }
    if let Some(wait) = failure.retry_after() {
        let retry_delay = Some(prost_types::Duration {
            seconds: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
            nanos: i32::try_from(wait.subsec_nanos()).unwrap_or(0),
        });
        details.push(pack_any("RetryInfo", &RetryInfo { retry_delay }));
    }
    details
}

fn bad_request(violations: &[Violation]) -> BadRequest {
    let field_violations = violations.iter().map(|violation| FieldViolation {
        field: violation.field.clone(),
        description: violation.message.clone(),
        reason: wire_name(violation.reason).to_owned(),
        localized_message: None,
    });
    BadRequest {
        field_violations: field_violations.collect(),
    }
}

fn pack_any(name: &str, message: &impl Message) -> Any {
    Any {
        type_url: format!("type.googleapis.com/google.rpc.{name}"),
        value: message.encode_to_vec(),
    }
}

/// Rounded up, so that no client comes back too early.
fn millis(wait: Duration) -> u64 {
    u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
