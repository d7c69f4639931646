//! Gives every answer its form: finds the failure in the router's answer, a handler's or the
//! framework's, and writes it in the form of the protocol.

use std::error::Error;

use axum::{body::Body, response::Response};
use http::{
    HeaderValue,
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS},
};
use tonic::{Status, metadata::GRPC_CONTENT_TYPE};

use super::{failure::Failure, problem, protocol::Protocol, request_id::X_REQUEST_ID, status};

/// The failure in an answer, if the answer is one.
pub(crate) fn failure_in(protocol: Protocol, answer: &Response<Body>) -> Option<Failure> {
    let extensions = answer.extensions();
    let in_status = || extensions.get::<Status>()?.source()?.downcast_ref();
    let ours: Option<&Failure> = extensions.get().or_else(in_status);
    let foreign = || match protocol {
        Protocol::Grpc => Some(Failure::from_grpc(status::foreign_code(answer.headers())?)),
        Protocol::Rest if answer.status().as_u16() < 400 => None,
        Protocol::Rest => Some(Failure::from_http(answer.status())),
    };
    ours.cloned().or_else(foreign)
}

/// Writes the failure, if there is one, and what every answer has.
pub(crate) fn finish(
    protocol: Protocol,
    answer: Response<Body>,
    failure: Option<&Failure>,
    request_id: &str,
) -> Response<Body> {
    let mut answer = match (protocol, failure) {
        (Protocol::Grpc | Protocol::Rest, None) => answer,
        (Protocol::Grpc, Some(failure)) => grpc_answer(answer, failure, request_id),
        (Protocol::Rest, Some(failure)) => rest_answer(&answer, failure, request_id),
    };
    let headers = answer.headers_mut();
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(X_REQUEST_ID, id);
    }
    if protocol == Protocol::Rest {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    }
    answer
}

/// The status replaces that of the framework, whose other headers (such as `grpc-accept-encoding`)
/// stay.
fn grpc_answer(answer: Response<Body>, failure: &Failure, request_id: &str) -> Response<Body> {
    let mut failed = Response::new(Body::empty());
    *failed.headers_mut() = answer.into_parts().0.headers;
    let headers = failed.headers_mut();
    headers.insert(CONTENT_TYPE, GRPC_CONTENT_TYPE);
    status::write_status(headers, failure, request_id);
    failed
}

/// Of the router's own answer only `Allow` is kept.
fn rest_answer(answer: &Response<Body>, failure: &Failure, request_id: &str) -> Response<Body> {
    let mut problem = problem::render_problem(failure, request_id);
    if let Failure::WrongMethod = failure {
        // No router has answered on the gRPC port, where every method is called by POST.
        let post = HeaderValue::from_static("POST");
        let allowed = answer.headers().get(ALLOW).cloned().unwrap_or(post);
        problem.headers_mut().insert(ALLOW, allowed);
    }
    problem
}
