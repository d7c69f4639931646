//! One line per call, whatever becomes of it, and the span that puts its ids into every other line.
//! Bodies, metadata and path text stay out: what is told of a call is what we named ourselves.

use std::{net::SocketAddr, time::Instant};

use http::{Request, StatusCode};
use tracing::Span;

use super::{
    Peer, Protocol,
    code::{Meaning, grpc_name, wire_name},
    failure::Failure,
    grpc, request_id, rest,
};

/// The outcome of a call whose caller went away.
const CANCELLED: &str = "CANCELLED";

/// Writes its line when it is dropped, so that a call whose client went away has one too.
pub(crate) struct CallLog {
    span: Span,
    protocol: &'static str,
    method: String,
    peer: Option<SocketAddr>,
    /// Of the log alone: the deadline counts tokio's time.
    began: Instant,
    code: String,
    reason: Option<&'static str>,
}

impl CallLog {
    /// A call that has just arrived.
    pub(crate) fn begin<B>(protocol: Protocol, request: &Request<B>, request_id: &str) -> Self {
        let trace_id = request_id::trace_id(request.headers());
        let path = request.uri().path();
        let (protocol, method) = match protocol {
            Protocol::Grpc => ("grpc", grpc::method_name(path).to_owned()),
            Protocol::Rest => ("rest", rest::method_name(request.method(), path)),
        };
        Self {
            // At the level of errors, so that no configured level leaves a line without its ids.
            span: tracing::error_span!("call", request_id, trace_id),
            protocol,
            method,
            peer: request.extensions().get::<Peer>().map(|peer| peer.0),
            began: Instant::now(),
            code: String::from(CANCELLED),
            reason: None,
        }
    }

    /// The span of the call.
    pub(crate) fn span(&self) -> Span {
        self.span.clone()
    }

    /// Notes how the call ended, and what of it only the operator may know.
    pub(crate) fn outcome(
        &mut self,
        protocol: Protocol,
        http: StatusCode,
        failure: Option<&Failure>,
    ) {
        let code = failure.map(|failure| failure.meaning.code());
        self.code = match protocol {
            Protocol::Grpc => grpc_name(code.map_or(tonic::Code::Ok, |code| code.grpc)).to_owned(),
            Protocol::Rest => code.map_or(http, |code| code.http).as_str().to_owned(),
        };
        self.reason = code.map(|code| wire_name(code.reason));
        if let Some(failure) = failure
            && let Some(cause) = failure.cause()
        {
            if failure.meaning == Meaning::Internal {
                tracing::error!(parent: &self.span, cause, "call failed");
            } else {
                tracing::warn!(parent: &self.span, cause, "call failed");
            }
        }
    }
}

impl Drop for CallLog {
    fn drop(&mut self) {
        tracing::info!(
            parent: &self.span,
            protocol = self.protocol,
            method = self.method,
            code = self.code,
            reason = self.reason,
            // In whole microseconds: further digits would only be noise.
            duration_ms = (self.began.elapsed().as_secs_f64() * 1e6).round() / 1e3,
            peer = self.peer.map(tracing::field::display),
            "call"
        );
    }
}
