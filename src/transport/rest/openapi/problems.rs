//! The failures in the document: rows of the one error table, by status.

use std::collections::BTreeMap;

use http::{
    StatusCode,
    header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE},
};
use utoipa::openapi::{
    AllOfBuilder, Content, ObjectBuilder, ResponseBuilder, Responses, ResponsesBuilder, Type,
};

use super::parts::{header, request_id_header, schema_of};
use crate::{
    auth::{AuthError, ProofFault},
    transport::{
        error_table::{ErrorCode, wire_name},
        failure::Failure,
        problem::Problem,
    },
};

/// The failures of every call. A proof of a caller that fails is refused where none is needed, too.
fn common() -> [Failure; 7] {
    [
        Failure::Malformed,
        AuthError::CallerUnauthenticated(ProofFault::NoProof).into(),
        Failure::WrongMethod,
        Failure::HeadersTooLarge,
        Failure::Draining,
        AuthError::DeadlineExceeded.into(),
        Failure::internal("documented"),
    ]
}

/// A response for each status of an operation's own failures and of the common ones.
pub(super) fn responses(own: &[Failure]) -> Responses {
    let mut by_status: BTreeMap<StatusCode, Vec<ErrorCode>> = BTreeMap::new();
    for code in own.iter().chain(&common()).map(Failure::code) {
        let codes = by_status.entry(code.http).or_default();
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    let responses = by_status
        .into_iter()
        .map(|(status, codes)| (status.as_str().to_owned(), response(status, &codes)));
    ResponsesBuilder::new()
        .responses_from_iter(responses)
        .build()
}

fn response(status: StatusCode, codes: &[ErrorCode]) -> ResponseBuilder {
    let reasons = || codes.iter().map(|code| wire_name(code.reason));
    let texts: Vec<_> = codes
        .iter()
        .map(|code| format!("{}: {}", wire_name(code.reason), code.text))
        .collect();
    let of_type = |kind| ObjectBuilder::new().schema_type(kind);
    let status_is = of_type(Type::Integer).enum_values(Some([status.as_u16()]));
    let reason_is = of_type(Type::String).enum_values(Some(reasons()));
    let this = ObjectBuilder::new()
        .property("status", status_is)
        .property("reason", reason_is);
    let schema = AllOfBuilder::new().item(schema_of::<Problem>()).item(this);
    let response = ResponseBuilder::new()
        .description(texts.join("; "))
        .content("application/problem+json", Content::new(Some(schema)))
        .header("x-request-id", request_id_header());
    match status {
        StatusCode::UNAUTHORIZED => response.header(WWW_AUTHENTICATE.as_str(), header("`Bearer`")),
        StatusCode::METHOD_NOT_ALLOWED => {
            response.header(ALLOW.as_str(), header("The methods of this path"))
        }
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => response.header(
            RETRY_AFTER.as_str(),
            header("When to ask again, in seconds"),
        ),
        _ => response,
    }
}
