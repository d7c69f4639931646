//! One line per call, however it ends, the same in the metrics, and the span that puts the ids of the
//! call into every other line. Bodies, metadata and the text of paths are not logged: a call has one
//! of our own names.

use std::{net::SocketAddr, sync::Arc, time::Instant};

use http::{Request, StatusCode};
use tonic::Code;
use tracing::{Span, field::Empty};

use super::{
    call_metrics::{CallMetrics, Outcome},
    call_name::CallName,
    error_table::{grpc_name, wire_name},
    failure::Failure,
    peer::Peer,
    protocol::Protocol,
    request_id,
};
use crate::{
    auth::{AuthError, ProofFault},
    proto::v1::ErrorReason,
};

/// Writes its line and counts the call when it is dropped, so that a call whose client went away is
/// logged too.
pub(crate) struct CallLog {
    span: Span,
    calls: Arc<CallMetrics>,
    name: &'static CallName,
    peer: Option<SocketAddr>,
    /// Of the log alone: the deadline counts tokio's time.
    began: Instant,
    outcome: Outcome,
    /// The protocol of the answer: REST for a request that is not gRPC, on the gRPC port too.
    dialect: Protocol,
    reason: Option<&'static str>,
    proof_fault: Option<ProofFault>,
}

impl CallLog {
    /// A call that has just arrived.
    pub(crate) fn begin<B>(
        protocol: Protocol,
        request: &Request<B>,
        request_id: &str,
        calls: Arc<CallMetrics>,
    ) -> Self {
        let trace_id = request_id::trace_id(request.headers());
        Self {
            // At the level of errors, so that no configured level leaves a line without its ids.
            span: tracing::error_span!(
                "call",
                request_id,
                trace_id,
                caller = Empty,
                source = Empty
            ),
            calls,
            name: CallName::find(protocol, request),
            peer: request.extensions().get::<Peer>().map(|peer| peer.0),
            began: Instant::now(),
            outcome: Outcome::CallerGone,
            dialect: protocol,
            reason: None,
            proof_fault: None,
        }
    }

    pub(crate) fn span(&self) -> Span {
        self.span.clone()
    }

    pub(crate) fn name(&self) -> &'static CallName {
        self.name
    }

    /// Records how the call ended, and logs the cause of a failure.
    pub(crate) fn outcome(
        &mut self,
        dialect: Protocol,
        http: StatusCode,
        failure: Option<&Failure>,
    ) {
        let code = failure.map(Failure::code);
        self.dialect = dialect;
        self.outcome = Outcome::Answered {
            grpc: code.map_or(Code::Ok, |code| code.grpc),
            http: code.map_or(http, |code| code.http),
        };
        self.reason = code.map(|code| wire_name(code.reason));
        let Some(failure) = failure else { return };
        if let Some(AuthError::CallerUnauthenticated(fault)) = failure.auth_error() {
            self.proof_fault = Some(*fault);
        }
        if let Some(cause) = failure.cause() {
            if failure.code().reason == ErrorReason::Internal {
                tracing::error!(parent: &self.span, cause, "call failed");
            } else {
                tracing::warn!(parent: &self.span, cause, "call failed");
            }
        }
    }

    fn code(&self) -> &str {
        match (&self.outcome, self.dialect) {
            (Outcome::CallerGone, _) => grpc_name(Code::Cancelled),
            (Outcome::Answered { grpc, .. }, Protocol::Grpc) => grpc_name(*grpc),
            (Outcome::Answered { http, .. }, Protocol::Rest) => http.as_str(),
        }
    }
}

impl Drop for CallLog {
    fn drop(&mut self) {
        let duration = self.began.elapsed();
        self.calls.record(self.name, self.outcome, duration);
        tracing::info!(
            parent: &self.span,
            protocol = self.name.protocol.name(),
            method = self.name.text,
            code = self.code(),
            reason = self.reason,
            // Why no caller is proven; the answer does not reveal it.
            proof = self.proof_fault.map(ProofFault::as_str),
            // In whole microseconds: further digits would only be noise.
            duration_ms = (duration.as_secs_f64() * 1e6).round() / 1e3,
            peer = self.peer.map(tracing::field::display),
            "call"
        );
    }
}
