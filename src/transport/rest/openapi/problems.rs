//! The failures in the document: rows of the one error table, by status.

use std::collections::BTreeMap;

use http::{
    StatusCode,
    header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE},
};
use utoipa::openapi::{
    AllOfBuilder, Content, ObjectBuilder, ResponseBuilder, Responses, ResponsesBuilder, Type,
};

use super::{header, of, request_id};
use crate::transport::{
    error_table::{ErrorKind, wire_name},
    problem::Problem,
};

/// What can befall every call. A proof of a caller that fails is refused where none is needed, too.
const ALWAYS: [ErrorKind; 6] = [
    ErrorKind::CallerUnauthenticated,
    ErrorKind::WrongMethod,
    ErrorKind::HeadersTooLarge,
    ErrorKind::Unavailable,
    ErrorKind::DeadlineExceeded,
    ErrorKind::Internal,
];

/// A response for each status of an operation's own failures and of those that every call may have.
pub(super) fn responses(own: &[ErrorKind]) -> Responses {
    let mut by_status: BTreeMap<StatusCode, Vec<ErrorKind>> = BTreeMap::new();
    for kind in own.iter().chain(&ALWAYS) {
        let status = kind.code().http;
        by_status.entry(status).or_default().push(*kind);
    }
    let responses = by_status
        .into_iter()
        .map(|(status, kinds)| (status.as_str().to_owned(), response(status, &kinds)));
    ResponsesBuilder::new()
        .responses_from_iter(responses)
        .build()
}

fn response(status: StatusCode, kinds: &[ErrorKind]) -> ResponseBuilder {
    let reasons = || kinds.iter().map(|one| wire_name(one.code().reason));
    let texts: Vec<_> = kinds
        .iter()
        .zip(reasons())
        .map(|(kind, reason)| format!("{reason}: {}", kind.code().text))
        .collect();
    let of_type = |kind| ObjectBuilder::new().schema_type(kind);
    let status_is = of_type(Type::Integer).enum_values(Some([status.as_u16()]));
    let reason_is = of_type(Type::String).enum_values(Some(reasons()));
    let this = ObjectBuilder::new()
        .property("status", status_is)
        .property("reason", reason_is);
    let schema = AllOfBuilder::new().item(of::<Problem>()).item(this);
    let response = ResponseBuilder::new()
        .description(texts.join("; "))
        .content("application/problem+json", Content::new(Some(schema)))
        .header("x-request-id", request_id());
    match status {
        StatusCode::UNAUTHORIZED => response.header(WWW_AUTHENTICATE.as_str(), header("`Bearer`")),
        StatusCode::METHOD_NOT_ALLOWED => {
            response.header(ALLOW.as_str(), header("The methods of this path"))
        }
        StatusCode::SERVICE_UNAVAILABLE => response.header(
            RETRY_AFTER.as_str(),
            header("When to ask again, in seconds"),
        ),
        _ => response,
    }
}
